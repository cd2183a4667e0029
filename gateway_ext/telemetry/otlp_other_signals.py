"""What the OTLP sink does with spans and metrics: a span becomes a line of a file, metrics are taken and dropped."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator

import grpc
import grpc.aio
import orjson
from google.protobuf.json_format import MessageToDict
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
    ExportMetricsServiceResponse,
)
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2_grpc import (
    MetricsServiceServicer,
    add_MetricsServiceServicer_to_server,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2_grpc import (
    TraceServiceServicer,
    add_TraceServiceServicer_to_server,
)
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans, TracesData

from gateway_ext.telemetry.line_file import LineFile

_log = logging.getLogger(__name__)


def serve_other_signals(server: grpc.aio.Server, spans: LineFile | None) -> None:
    """Add both services. `spans` None: they are dropped, too."""
    add_TraceServiceServicer_to_server(_Spans(spans), server)  # type: ignore[no-untyped-call]  # generated without annotations
    add_MetricsServiceServicer_to_server(_Metrics(), server)  # type: ignore[no-untyped-call]  # likewise


def span_lines(request: ExportTraceServiceRequest) -> Iterator[bytes]:
    """A TracesData of one span in OTLP/JSON each: protobuf's mapping, but enumerations as numbers and ids in hexadecimal."""
    for of_resource in request.resource_spans:
        for of_scope in of_resource.scope_spans:
            for span in of_scope.spans:
                alone = ResourceSpans(
                    resource=of_resource.resource, scope_spans=[ScopeSpans(scope=of_scope.scope, spans=[span])]
                )
                document = MessageToDict(TracesData(resource_spans=[alone]), use_integers_for_enums=True)
                shown = document["resourceSpans"][0]["scopeSpans"][0]["spans"][0]
                shown |= {"traceId": span.trace_id.hex(), "spanId": span.span_id.hex()}
                if span.parent_span_id:
                    shown["parentSpanId"] = span.parent_span_id.hex()
                yield orjson.dumps(document, option=orjson.OPT_APPEND_NEWLINE)


class _Spans(TraceServiceServicer):
    def __init__(self, file: LineFile | None) -> None:
        self._file = file
        self._one_at_a_time = asyncio.Lock()

    async def Export(  # noqa: N802  (the name is the protocol's)
        self,
        request: ExportTraceServiceRequest,
        context: grpc.aio.ServicerContext[ExportTraceServiceRequest, ExportTraceServiceResponse],
    ) -> ExportTraceServiceResponse:
        if self._file is not None:
            try:
                async with self._one_at_a_time:
                    await asyncio.to_thread(self._file.append, list(span_lines(request)))
            except OSError as error:
                _log.error("OTLP sink: spans cannot be stored (%s)", error.strerror)
                await context.abort(grpc.StatusCode.UNAVAILABLE, "cannot be stored")
        return ExportTraceServiceResponse()


class _Metrics(MetricsServiceServicer):
    async def Export(  # noqa: N802  (the name is the protocol's)
        self,
        request: ExportMetricsServiceRequest,
        context: grpc.aio.ServicerContext[ExportMetricsServiceRequest, ExportMetricsServiceResponse],
    ) -> ExportMetricsServiceResponse:
        return ExportMetricsServiceResponse()
