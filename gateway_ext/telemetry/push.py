"""Metrics and spans to the collector, over OTLP. What it does not take is gone: the audit trail is the record."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from google.protobuf.message import DecodeError
from opentelemetry.exporter.otlp.proto.common.metrics_encoder import encode_metrics
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceResponse
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse
from opentelemetry.sdk.metrics.export import MetricsData
from opentelemetry.sdk.trace import ReadableSpan


@dataclass(frozen=True, slots=True)
class Signal:
    """Where an export request goes: `path` over HTTP (OTLP specification, "OTLP/HTTP Request"), `method` over gRPC."""

    path: str
    method: str


TRACES = Signal("/v1/traces", "/opentelemetry.proto.collector.trace.v1.TraceService/Export")
METRICS = Signal("/v1/metrics", "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export")


class NotTakenError(Exception):
    """The collector did not take it. The text is a status, never one of the collector's."""


class Transport(Protocol):
    async def send(self, signal: Signal, request: bytes) -> bytes:
        """The collector's reply; both are protobuf messages of the signal. Raises NotTakenError."""
        ...

    async def close(self) -> None: ...


class Push:
    """Sends once. Whoever calls it decides what a failure means."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def spans(self, spans: Sequence[ReadableSpan]) -> int:
        """How many of them the collector took. Raises NotTakenError."""
        request = await asyncio.to_thread(lambda: encode_spans(spans).SerializeToString())
        reply = ExportTraceServiceResponse()
        _parse(reply, await self._transport.send(TRACES, request))
        return len(spans) - reply.partial_success.rejected_spans

    async def metrics(self, data: MetricsData) -> None:
        """Raises NotTakenError, also when the collector took a part."""
        request = await asyncio.to_thread(lambda: encode_metrics(data).SerializeToString())
        reply = ExportMetricsServiceResponse()
        _parse(reply, await self._transport.send(METRICS, request))
        if rejected := reply.partial_success.rejected_data_points:
            raise NotTakenError(f"{rejected} data points rejected")

    async def close(self) -> None:
        await self._transport.close()


def _parse(reply: ExportTraceServiceResponse | ExportMetricsServiceResponse, data: bytes) -> None:
    try:
        reply.ParseFromString(data)
    except DecodeError:
        raise NotTakenError("the reply is not OTLP") from None
