"""Everything over OTLP to a real OpenTelemetry Collector, which answers our receivers as its authors understand the specification.

`OTELCOL=/path/to/otelcol pytest tests/faults/test_opentelemetry_collector.py` runs these tests; without a program there are none.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from gateway_ext.audit import semconv
from gateway_ext.audit.delivery import Answer, Delivery
from gateway_ext.audit.encoding import Event
from gateway_ext.audit.outputs.headers import no_headers
from gateway_ext.audit.outputs.otlp_grpc import OtlpGrpcExporter
from gateway_ext.audit.outputs.otlp_http import OtlpHttpExporter
from gateway_ext.audit.segments import frame, segment_path
from gateway_ext.audit.shipper import Shipper
from gateway_ext.clock import SystemClock
from gateway_ext.telemetry.push import NotTakenError, Push
from gateway_ext.telemetry.transports import GrpcTransport, HttpTransport
from gateway_ext.wire import audit_pb2
from tests.servers.opentelemetry_collector import OpenTelemetryCollector, running
from tests.servers.otlp_telemetry import Receiver, running_receiver
from tests.unit.audit.outputs.samples import all_kinds, forwarded

PROGRAM = os.environ.get("OTELCOL", "")
PROTOCOLS = pytest.mark.parametrize("protocol", ["grpc", "http"])
RECORDS = 250


@dataclass
class World:
    collector: OpenTelemetryCollector
    receiver: Receiver  # behind the collector
    spool: Path

    def exporter(self, protocol: str) -> OtlpGrpcExporter | OtlpHttpExporter:
        kind = OtlpGrpcExporter if protocol == "grpc" else OtlpHttpExporter
        return kind(self.collector.endpoint(protocol), str(self.collector.authority))


@asynccontextmanager
async def world(directory: Path) -> AsyncIterator[World]:
    async with (
        running_receiver("http") as receiver,
        running(PROGRAM, directory / "collector", receiver.endpoint) as collector,
    ):
        yield World(collector, receiver, directory / "spool")


@asynccontextmanager
async def shipping(world: World, protocol: str) -> AsyncIterator[Shipper]:
    exporter = world.exporter(protocol)
    shipper = Shipper(world.spool, {"otlp": exporter}, SystemClock(), retry_seconds_max=0.3)
    task = asyncio.get_running_loop().create_task(shipper.run())
    try:
        yield shipper
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await exporter.close()


def write(spool: Path, events: Sequence[Event]) -> None:
    """As a process that has just begun would have."""
    directory = spool / "processor-0"
    directory.mkdir(parents=True, mode=0o700)
    segment_path(directory, 1).write_bytes(b"".join(frame(event.SerializeToString()) for event in events))


def numbered(events: Sequence[Event]) -> list[Event]:
    """As one run of one process writes them."""
    found = []
    for sequence, event in enumerate(events, 1):
        each = Event.FromString(event.SerializeToString())
        each.sequence, each.id = sequence, f"{each.run_id}-{sequence}"
        found.append(each)
    return found


async def until(so: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not so():  # noqa: ASYNC110  (another process works; there is nothing to wait on)
            await asyncio.sleep(0.01)


# --- what arrived, as OTLP says it --------------------------------------------------------------------------------------


def arrived(receiver: Receiver) -> Iterator[tuple[Mapping[str, Any], LogRecord]]:
    for of_resource in receiver.logs:
        for of_scope in of_resource.scope_logs:
            assert of_scope.scope.name == semconv.SCOPE
            for record in of_scope.log_records:
                yield said(of_resource.resource.attributes), record


def said(attributes: Sequence[KeyValue]) -> dict[str, Any]:
    return {each.key: value_of(each.value) for each in attributes}


def value_of(value: AnyValue) -> Any:
    match kind := value.WhichOneof("value"):
        case "array_value":
            return [value_of(each) for each in value.array_value.values]
        case "kvlist_value":
            return said(value.kvlist_value.values)
        case None:
            raise AssertionError("an attribute without a value")
        case _:
            return getattr(value, kind)


def ids(receiver: Receiver) -> list[str]:
    return [str(said(record.attributes)[semconv.RECORD_ID]) for _, record in arrived(receiver)]


# --- logs ---------------------------------------------------------------------------------------------------------------


@PROTOCOLS
async def test_every_kind_of_record_arrives_as_it_is_pinned(tmp_path: Path, protocol: str) -> None:
    events = numbered(all_kinds())
    async with world(tmp_path) as there:
        write(there.spool, events)
        async with shipping(there, protocol):
            await until(lambda: len(ids(there.receiver)) >= len(events))
        for event, (resource, record) in zip(events, arrived(there.receiver), strict=True):
            assert resource == semconv.resource(event)
            assert said(record.attributes) == semconv.attributes(event)
            assert (record.event_name, record.body.string_value) == (event.name, event.name)
            assert (record.severity_text == "WARN") is semconv.is_noteworthy(event)
            assert record.time_unix_nano == event.time_unix_nano


@PROTOCOLS
async def test_delivered_is_written_although_the_collector_is_killed_and_its_receiver_refuses(
    tmp_path: Path, protocol: str
) -> None:
    """Of records with so many findings that a batch of them is larger than the collector takes at once over gRPC."""
    written = numbered([with_many_findings()] * RECORDS)
    async with world(tmp_path) as there:
        there.receiver.refuses = True
        write(there.spool, written)
        async with shipping(there, protocol) as shipper:
            await asyncio.sleep(0.5)
            assert (there.receiver.logs, shipper.shipped) == ([], 0)
            there.receiver.refuses = False
            await until(lambda: len(there.receiver.logs) > 0)
            await there.collector.kill()
            assert shipper.shipped < RECORDS
            await there.collector.start()
            await until(lambda: shipper.shipped == RECORDS)
            (status,) = shipper.status()
        delivered = ids(there.receiver)
    assert list(dict.fromkeys(delivered)) == [event.id for event in written], "none missing, none out of order"
    assert (status.lag_bytes, status.stuck_id, status.cursor.lost_records) == (0, "", 0)


async def test_a_message_larger_than_it_takes_is_rejected_not_tried_again_as_it_is(tmp_path: Path) -> None:
    async with world(tmp_path) as there:
        exporter = there.exporter("grpc")
        events = numbered([with_many_findings()] * RECORDS)
        assert await exporter.export(events) == Delivery(Answer.REJECTED, "RESOURCE_EXHAUSTED")
        assert await exporter.export(events[:1]) == Delivery(Answer.ACCEPTED)
        await exporter.close()


def with_many_findings() -> Event:
    event = forwarded()
    event.decision.findings.extend([audit_pb2.Finding(detector="email", data_class="personal", action="log")] * 100)
    return event


# --- spans and metrics --------------------------------------------------------------------------------------------------


@PROTOCOLS
async def test_spans_and_metrics_arrive_and_what_is_not_taken_is_told(tmp_path: Path, protocol: str) -> None:
    kept, reader = InMemorySpanExporter(), InMemoryMetricReader()
    spans = TracerProvider()
    spans.add_span_processor(SimpleSpanProcessor(kept))
    with spans.get_tracer("gateway_ext").start_as_current_span("chat assistant") as span:
        span.set_attribute("gen_ai.usage.input_tokens", 812)
    MeterProvider([reader]).get_meter("gateway_ext").create_counter("gateway.audit.records").add(7)
    metrics = reader.get_metrics_data()
    assert metrics is not None
    async with world(tmp_path) as there:
        transport = (GrpcTransport if protocol == "grpc" else HttpTransport)(
            there.collector.endpoint(protocol), str(there.collector.authority), no_headers
        )
        push = Push(transport)
        there.receiver.refuses = True
        with pytest.raises(NotTakenError):
            await push.spans(kept.get_finished_spans())
        there.receiver.refuses = False
        assert await push.spans(kept.get_finished_spans()) == 1
        await push.metrics(metrics)
        await push.close()
    (found,) = there.receiver.spans
    assert (found.name, said(found.attributes)) == ("chat assistant", {"gen_ai.usage.input_tokens": 812})
    assert there.receiver.sums == {"gateway.audit.records": 7}


for _each in (
    test_every_kind_of_record_arrives_as_it_is_pinned,
    test_delivered_is_written_although_the_collector_is_killed_and_its_receiver_refuses,
    test_a_message_larger_than_it_takes_is_rejected_not_tried_again_as_it_is,
    test_spans_and_metrics_arrive_and_what_is_not_taken_is_told,
):
    vars(_each)["__test__"] = bool(PROGRAM)  # nobody has it by default: it comes from no registry that the tests use
del _each  # or it would be collected by this name, too
