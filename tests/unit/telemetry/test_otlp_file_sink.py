import asyncio
import errno
import os
import stat
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import grpc
import grpc.aio
import orjson
import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest, ExportLogsServiceResponse
from opentelemetry.proto.collector.logs.v1.logs_service_pb2_grpc import LogsServiceStub
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord, ResourceLogs, ScopeLogs, SeverityNumber
from opentelemetry.proto.resource.v1.resource_pb2 import Resource

from gateway_ext.errors import ConfigurationError
from gateway_ext.telemetry.otlp_file_sink import OtlpFileSink, Received


def request(*names: str) -> ExportLogsServiceRequest:
    resource = Resource(attributes=[KeyValue(key="service.name", value=AnyValue(string_value="s"))])
    records = [
        LogRecord(
            event_name=name,
            time_unix_nano=2**60,
            severity_number=SeverityNumber.SEVERITY_NUMBER_INFO,
            trace_id=b"\x01" * 16,
            span_id=b"\x02" * 8,
        )
        for name in names
    ]
    return ExportLogsServiceRequest(
        resource_logs=[ResourceLogs(resource=resource, scope_logs=[ScopeLogs(log_records=records)])]
    )


async def export(sink: OtlpFileSink, *names: str) -> ExportLogsServiceResponse:
    async with grpc.aio.insecure_channel(f"127.0.0.1:{sink.port}") as channel:
        stub = LogsServiceStub(channel)  # type: ignore[no-untyped-call]  # generated without annotations
        reply: ExportLogsServiceResponse = await stub.Export(request(*names), timeout=5)
        return reply


def lines_in(path: Path) -> list[bytes]:
    return path.read_bytes().splitlines()


def names_in(path: Path) -> list[str]:
    return [
        orjson.loads(line)["resourceLogs"][0]["scopeLogs"][0]["logRecords"][0]["eventName"] for line in lines_in(path)
    ]


def torn_file(path: Path) -> None:
    path.parent.mkdir()
    path.write_bytes(b'{"resourceLogs":')


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "sink.jsonl"


@pytest.fixture
async def sink(path: Path) -> AsyncIterator[OtlpFileSink]:
    sink = OtlpFileSink("127.0.0.1:0", path)
    await sink.start()
    yield sink
    await sink.stop()


async def test_one_line_per_record_in_otlp_json(sink: OtlpFileSink, path: Path) -> None:
    reply = await export(sink, "a", "b")
    assert reply.partial_success.rejected_log_records == 0
    assert names_in(path) == ["a", "b"]
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
    document = orjson.loads(lines_in(path)[0])
    assert document == {
        "resourceLogs": [
            {
                "resource": {"attributes": [{"key": "service.name", "value": {"stringValue": "s"}}]},
                "scopeLogs": [
                    {
                        "logRecords": [
                            {
                                "timeUnixNano": str(2**60),
                                "severityNumber": 9,
                                "traceId": "01" * 16,
                                "spanId": "02" * 8,
                                "eventName": "a",
                            }
                        ]
                    }
                ],
            }
        ]
    }


async def test_the_reply_comes_after_the_fsync(sink: OtlpFileSink, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced, real = list[list[str]](), os.fsync

    def observed(descriptor: int) -> None:
        real(descriptor)
        synced.append(names_in(path))

    monkeypatch.setattr(os, "fsync", observed)
    await export(sink, "a")
    assert synced == [["a"]]


@pytest.mark.parametrize("call", ["write", "fsync"])
async def test_what_cannot_be_stored_is_not_acknowledged_and_leaves_no_trace(
    call: str, sink: OtlpFileSink, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await export(sink, "a")
    real = getattr(os, call)

    def failing(descriptor: int, *data: bytes) -> None:
        if os.readlink(f"/proc/self/fd/{descriptor}") != str(path):
            return real(descriptor, *data)  # type: ignore[no-any-return]  # os.write's count
        if data:
            real(descriptor, data[0][:5])
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, call, failing)
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await export(sink, "b")
    assert caught.value.code() is grpc.StatusCode.UNAVAILABLE
    await export(sink, "c")
    assert names_in(path) == ["a", "c"]


async def test_a_torn_line_of_a_killed_receiver_does_not_spoil_the_next(path: Path) -> None:
    torn_file(path)
    sink = OtlpFileSink("127.0.0.1:0", path)
    await sink.start()
    await export(sink, "a")
    await sink.stop()
    torn, whole = lines_in(path)
    assert torn == b'{"resourceLogs":'
    assert orjson.loads(whole)


async def test_rejecting_and_delaying(path: Path) -> None:
    gate = asyncio.Event()

    async def every_other(records: Sequence[Received]) -> Sequence[Received]:
        await gate.wait()
        return records[::2]

    sink = OtlpFileSink("127.0.0.1:0", path, every_other)
    await sink.start()
    async with asyncio.TaskGroup() as tasks:
        answer = tasks.create_task(export(sink, "a", "b", "c"))
        await asyncio.sleep(0.05)
        assert not answer.done()
        gate.set()
    assert answer.result().partial_success.rejected_log_records == 1
    assert names_in(path) == ["a", "c"]
    await sink.stop()


async def test_unusable_address_or_file_is_explained(sink: OtlpFileSink, path: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="in use"):
        await OtlpFileSink(f"127.0.0.1:{sink.port}", tmp_path / "other.jsonl").start()
    with pytest.raises(ConfigurationError, match="cannot be written"):
        await OtlpFileSink("127.0.0.1:0", path / "below-a-file").start()
