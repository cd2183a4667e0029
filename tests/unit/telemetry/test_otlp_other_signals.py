"""The sink and what is no log: a span is a line of OTLP/JSON, metrics are taken."""

from __future__ import annotations

import base64
import os
from pathlib import Path

import grpc
import grpc.aio
import orjson
import pytest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2_grpc import MetricsServiceStub
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2_grpc import TraceServiceStub
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans, Span

from gateway_ext.errors import ConfigurationError
from gateway_ext.telemetry.otlp_file_sink import OtlpFileSink

TRACE, SPAN, PARENT = b"\x01" * 16, b"\x02" * 8, b"\x03" * 8
SPANS = [Span(trace_id=TRACE, span_id=SPAN, name="chat a", kind=Span.SPAN_KIND_SERVER), Span(parent_span_id=PARENT)]
REQUEST = ExportTraceServiceRequest(resource_spans=[ResourceSpans(scope_spans=[ScopeSpans(spans=SPANS)])])


async def export(sink: OtlpFileSink) -> None:
    async with grpc.aio.insecure_channel(f"127.0.0.1:{sink.port}") as channel:
        traces = TraceServiceStub(channel)  # type: ignore[no-untyped-call]  # generated without annotations
        assert (await traces.Export(REQUEST, timeout=5)).partial_success.rejected_spans == 0
        metrics = MetricsServiceStub(channel)  # type: ignore[no-untyped-call]  # likewise
        reply = await metrics.Export(ExportMetricsServiceRequest(), timeout=5)
        assert reply.partial_success.rejected_data_points == 0


async def test_a_span_is_a_line(tmp_path: Path) -> None:
    sink = OtlpFileSink("127.0.0.1:0", tmp_path / "logs.jsonl", traces=tmp_path / "traces.jsonl")
    await sink.start()
    await export(sink)
    await sink.stop()
    lines = [orjson.loads(line) for line in (tmp_path / "traces.jsonl").read_bytes().splitlines()]
    first, second = (line["resourceSpans"][0]["scopeSpans"][0]["spans"][0] for line in lines)
    assert first == {"traceId": TRACE.hex(), "spanId": SPAN.hex(), "name": "chat a", "kind": 2}
    assert second["parentSpanId"] == PARENT.hex() != base64.b64encode(PARENT).decode()
    assert (tmp_path / "logs.jsonl").read_bytes() == b""


async def test_spans_are_dropped_where_nobody_keeps_them(tmp_path: Path) -> None:
    sink = OtlpFileSink("127.0.0.1:0", tmp_path / "logs.jsonl")
    await sink.start()
    await export(sink)
    await sink.stop()
    assert os.listdir(tmp_path) == ["logs.jsonl"]


async def test_a_file_that_cannot_be_used_is_told_at_the_start(tmp_path: Path) -> None:
    sink = OtlpFileSink("127.0.0.1:0", tmp_path / "logs.jsonl", traces=tmp_path)
    with pytest.raises(ConfigurationError, match="cannot be written"):
        await sink.start()
