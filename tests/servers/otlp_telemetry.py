"""A collector for metrics and spans, over gRPC and HTTP, on the official protobufs; it can refuse and reject in part.

Over HTTP it takes logs, too, of which it keeps all.
"""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import grpc
import grpc.aio
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest, ExportLogsServiceResponse
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsPartialSuccess,
    ExportMetricsServiceRequest,
    ExportMetricsServiceResponse,
)
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2_grpc import (
    MetricsServiceServicer,
    add_MetricsServiceServicer_to_server,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTracePartialSuccess,
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2_grpc import (
    TraceServiceServicer,
    add_TraceServiceServicer_to_server,
)
from opentelemetry.proto.logs.v1.logs_pb2 import ResourceLogs
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from gateway_ext.console.serving import serve

_REQUESTS: Mapping[str, Any] = {
    "/v1/traces": ExportTraceServiceRequest,
    "/v1/metrics": ExportMetricsServiceRequest,
    "/v1/logs": ExportLogsServiceRequest,
}


@dataclass
class Receiver(TraceServiceServicer, MetricsServiceServicer):
    """What it has got, and how it answers: `refuses` with UNAVAILABLE or 503, `rejects` so many spans or data points."""

    spans: list[Span] = field(default_factory=list)
    logs: list[ResourceLogs] = field(default_factory=list)
    sums: dict[str, float] = field(default_factory=dict)  # of each counter, in the last export
    headers: dict[str, Any] = field(default_factory=dict)
    refuses: bool = False
    rejects: int = 0
    port: int = 0

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def Export(self, request: Any, context: Any) -> Any:
        self.headers = dict(context.invocation_metadata())
        if self.refuses:
            await context.abort(grpc.StatusCode.UNAVAILABLE, "a text that must not be repeated")
        return self.take(request)

    def take(self, request: Any) -> Any:
        if isinstance(request, ExportTraceServiceRequest):
            found = [span for r in request.resource_spans for s in r.scope_spans for span in s.spans]
            self.spans += found[self.rejects :]
            return ExportTraceServiceResponse(partial_success=ExportTracePartialSuccess(rejected_spans=self.rejects))
        if isinstance(request, ExportLogsServiceRequest):
            self.logs += request.resource_logs
            return ExportLogsServiceResponse()
        self.sums = {
            metric.name: sum(point.as_int + point.as_double for point in metric.sum.data_points)
            for r in request.resource_metrics
            for s in r.scope_metrics
            for metric in s.metrics
            if metric.HasField("sum")
        }
        rejected = ExportMetricsPartialSuccess(rejected_data_points=self.rejects)
        return ExportMetricsServiceResponse(partial_success=rejected)

    async def post(self, request: Request) -> Response:
        self.headers = dict(request.headers)
        if self.refuses:
            return Response("a text that must not be repeated", 503)
        asked = _REQUESTS[request.url.path].FromString(gzip.decompress(await request.body()))
        return Response(self.take(asked).SerializeToString(), media_type="application/x-protobuf")


@asynccontextmanager
async def running_receiver(protocol: str = "grpc") -> AsyncIterator[Receiver]:
    receiver = Receiver()
    async with _grpc(receiver) if protocol == "grpc" else _http(receiver):
        yield receiver


@asynccontextmanager
async def _grpc(receiver: Receiver) -> AsyncIterator[None]:
    server = grpc.aio.server()
    add_TraceServiceServicer_to_server(receiver, server)  # type: ignore[no-untyped-call]  # generated without annotations
    add_MetricsServiceServicer_to_server(receiver, server)  # type: ignore[no-untyped-call]  # likewise
    receiver.port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    try:
        yield
    finally:
        await server.stop(None)


@asynccontextmanager
async def _http(receiver: Receiver) -> AsyncIterator[None]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        receiver.port = free.getsockname()[1]
    pages = [Route(path, receiver.post, methods=["POST"]) for path in _REQUESTS]
    address = f"127.0.0.1:{receiver.port}"
    serving = asyncio.get_running_loop().create_task(serve(Starlette(routes=pages), address))
    while True:
        with contextlib.suppress(OSError):
            _, writer = await asyncio.open_connection("127.0.0.1", receiver.port)
            writer.close()
            break
        await asyncio.sleep(0.01)
    try:
        yield
    finally:
        serving.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await serving
