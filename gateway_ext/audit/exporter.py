"""Audit events to an OTLP/gRPC collector, with the collector's answer kept.

OpenTelemetry's own OTLPLogExporter cannot be used: it discards the reply, so that a partial rejection
(`partial_success.rejected_log_records`) looks like success, and it retries inside the call. Its encoder and the
official service stub are used instead; retrying and order are the shipper's business.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit

import grpc
import grpc.aio
from opentelemetry._logs import LogRecord, SeverityNumber
from opentelemetry.exporter.otlp.proto.common._log_encoder import encode_logs
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2_grpc import LogsServiceStub
from opentelemetry.sdk._logs import ReadableLogRecord
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.util.instrumentation import InstrumentationScope

from gateway_ext.audit import semconv
from gateway_ext.audit.encoding import Event
from gateway_ext.errors import ConfigurationError

_EXPORT_TIMEOUT_SECONDS = 10.0
_CHANNEL_OPTIONS = (
    # gRPC's own back-off between connection attempts grows to two minutes; the shipper's back-off is the one to obey.
    ("grpc.initial_reconnect_backoff_ms", 200),
    ("grpc.max_reconnect_backoff_ms", 1000),
)
# OTLP specification, "Failures": only these are worth resending as they are. RESOURCE_EXHAUSTED without advice when
# to retry means that the message is too large.
_TRANSIENT = frozenset(
    {
        grpc.StatusCode.CANCELLED,
        grpc.StatusCode.DEADLINE_EXCEEDED,
        grpc.StatusCode.ABORTED,
        grpc.StatusCode.OUT_OF_RANGE,
        grpc.StatusCode.UNAVAILABLE,
        grpc.StatusCode.DATA_LOSS,
    }
)


class Answer(Enum):
    ACCEPTED = "accepted"  # every record, durably as far as the collector can tell
    REJECTED = "rejected"  # some or all records, because of what they are
    UNREACHABLE = "unreachable"  # nothing is known; the same records may be sent again


@dataclass(frozen=True, slots=True)
class Delivery:
    """`detail` is a gRPC status code or a count, never a text of the collector's."""

    answer: Answer
    detail: str = ""


class Exporter(Protocol):
    async def export(self, events: Sequence[Event]) -> Delivery:
        """Hand over the events. Never raises for what a collector does."""
        ...


class OtlpExporter:
    """Exports over one channel. `endpoint` is http://host:port (plain text) or https://host:port (TLS).

    `ca_file` holds the trust anchors for TLS in PEM; empty means those of gRPC. Must be made inside an event loop.
    Raises ConfigurationError when endpoint or file are unusable.
    """

    def __init__(self, endpoint: str, ca_file: str = ""):
        url = urlsplit(endpoint)
        if url.scheme not in ("http", "https") or not url.netloc or url.path not in ("", "/"):
            raise ConfigurationError("otlp_endpoint: expected http://host:port or https://host:port")
        if url.scheme == "http" and ca_file:
            raise ConfigurationError("otlp_ca_file is set but otlp_endpoint is not https://")
        if url.scheme == "https":
            self._channel = grpc.aio.secure_channel(url.netloc, _credentials(ca_file), options=_CHANNEL_OPTIONS)
        else:
            self._channel = grpc.aio.insecure_channel(url.netloc, options=_CHANNEL_OPTIONS)
        self._stub = LogsServiceStub(self._channel)  # type: ignore[no-untyped-call]  # generated without annotations

    async def export(self, events: Sequence[Event]) -> Delivery:
        request = await asyncio.to_thread(to_request, events)
        try:
            reply = await self._stub.Export(request, timeout=_EXPORT_TIMEOUT_SECONDS)
        except grpc.aio.AioRpcError as error:
            transient = error.code() in _TRANSIENT
            return Delivery(Answer.UNREACHABLE if transient else Answer.REJECTED, error.code().name)
        rejected = reply.partial_success.rejected_log_records
        return Delivery(Answer.REJECTED, f"{rejected} of {len(events)}") if rejected else Delivery(Answer.ACCEPTED)

    async def close(self) -> None:
        await self._channel.close()


def to_request(events: Sequence[Event]) -> ExportLogsServiceRequest:
    """One export request with one log record per event, in order."""
    scope = InstrumentationScope(semconv.SCOPE)
    resources = {event.run_id: Resource(semconv.resource(event)) for event in events}
    return encode_logs(
        [
            ReadableLogRecord(
                log_record=LogRecord(
                    timestamp=event.time_unix_nano,
                    observed_timestamp=event.time_unix_nano,
                    severity_number=SeverityNumber.WARN if semconv.is_noteworthy(event) else SeverityNumber.INFO,
                    severity_text="WARN" if semconv.is_noteworthy(event) else "INFO",
                    event_name=event.name,
                    body=event.name,
                    attributes=semconv.attributes(event),
                ),
                resource=resources[event.run_id],
                instrumentation_scope=scope,
            )
            for event in events
        ]
    )


def _credentials(ca_file: str) -> grpc.ChannelCredentials:
    try:
        return grpc.ssl_channel_credentials(Path(ca_file).read_bytes() if ca_file else None)
    except OSError as error:
        raise ConfigurationError(f"otlp_ca_file {ca_file}: cannot be read ({error.strerror})") from error
