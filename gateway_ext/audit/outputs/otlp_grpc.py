"""Audit events to an OTLP/gRPC collector, with the collector's answer kept.

OpenTelemetry's own OTLPLogExporter cannot be used: it discards the reply, so that a partial rejection
(`partial_success.rejected_log_records`) looks like success, and it retries inside the call. Its encoder and the
official service stub are used instead; retrying and order are the shipper's business.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import grpc
import grpc.aio
from google.protobuf.message import DecodeError
from google.rpc.error_details_pb2 import RetryInfo
from google.rpc.status_pb2 import Status
from opentelemetry.proto.collector.logs.v1.logs_service_pb2_grpc import LogsServiceStub

from gateway_ext.audit.delivery import Answer, Delivery
from gateway_ext.audit.encoding import Event
from gateway_ext.audit.outputs.headers import Headers, no_headers
from gateway_ext.audit.outputs.otlp import EXPORT_TIMEOUT_SECONDS, judge, to_request
from gateway_ext.audit.outputs.receiver import parsed_address, read_authorities
from gateway_ext.errors import ConfigurationError

_CHANNEL_OPTIONS = (
    # gRPC's own back-off between connection attempts grows to two minutes; the shipper's back-off is the one to obey.
    ("grpc.initial_reconnect_backoff_ms", 200),
    ("grpc.max_reconnect_backoff_ms", 1000),
)
# OTLP specification, "Failures": only these are worth resending as they are, and RESOURCE_EXHAUSTED with advice when to
# retry; without, it means that the message is too large.
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
_EXHAUSTED = grpc.StatusCode.RESOURCE_EXHAUSTED
_DETAILS = "grpc-status-details-bin"


class OtlpGrpcExporter:
    """Exports over one channel. `endpoint` is http://host:port (plain text) or https://host:port (TLS).

    `ca_file` holds the trust anchors for TLS in PEM; empty means those of gRPC. Must be made inside an event loop.
    Raises ConfigurationError when endpoint, file or headers are unusable.
    """

    def __init__(self, endpoint: str, ca_file: str = "", headers: Headers = no_headers):
        url = parsed_address("otlp_endpoint", endpoint)
        if url.scheme not in ("http", "https") or not url.netloc or url.path not in ("", "/"):
            raise ConfigurationError("otlp_endpoint: expected http://host:port or https://host:port")
        if url.scheme == "http" and ca_file:
            raise ConfigurationError("otlp_ca_file is set but otlp_endpoint is not https://")
        headers()
        self._headers = headers
        if url.scheme == "https":
            anchors = read_authorities("otlp_ca_file", ca_file) if ca_file else None
            credentials = grpc.ssl_channel_credentials(anchors)
            self._channel = grpc.aio.secure_channel(url.netloc, credentials, options=_CHANNEL_OPTIONS)
        else:
            self._channel = grpc.aio.insecure_channel(url.netloc, options=_CHANNEL_OPTIONS)
        self._stub = LogsServiceStub(self._channel)  # type: ignore[no-untyped-call]  # generated without annotations

    async def export(self, events: Sequence[Event]) -> Delivery:
        try:
            request, headers = await asyncio.to_thread(lambda: (to_request(events), self._headers()))
            reply = await self._stub.Export(request, timeout=EXPORT_TIMEOUT_SECONDS, metadata=tuple(headers.items()))
        except ConfigurationError:
            return Delivery(Answer.UNREACHABLE, "otlp_headers_file cannot be used")
        except grpc.aio.AioRpcError as error:
            advice = _retry_info(error)
            is_transient = error.code() in _TRANSIENT or (error.code() is _EXHAUSTED and advice is not None)
            wait_seconds = advice.retry_delay.ToTimedelta().total_seconds() if advice else 0.0
            return Delivery(Answer.UNREACHABLE if is_transient else Answer.REJECTED, error.code().name, wait_seconds)
        return judge(reply, len(events))

    async def close(self) -> None:
        await self._channel.close()


def _retry_info(error: grpc.aio.AioRpcError) -> RetryInfo | None:
    """When to come back, as a collector under load says it (OTLP specification, "OTLP/gRPC Throttling")."""
    for name, value in error.trailing_metadata() or ():
        if name == _DETAILS and isinstance(value, bytes):
            try:
                details = Status.FromString(value).details
            except DecodeError:
                return None
            for detail in details:
                info = RetryInfo()
                if detail.Unpack(info):
                    return info
    return None
