"""A collector that is down, slow, half-accepting and restarted while two processes write: delivered = written."""

import asyncio
import random
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import grpc

from gateway_ext import limits
from gateway_ext.audit.events import EventName
from gateway_ext.audit.outputs.otlp_grpc import OtlpGrpcExporter
from gateway_ext.audit.records import DecisionRecord
from gateway_ext.audit.shipper import Shipper
from gateway_ext.audit.spool import Spool
from gateway_ext.clock import SystemClock
from gateway_ext.errors import AuditUnavailable
from gateway_ext.telemetry.otlp_file_sink import Intake, OtlpFileSink, Received, SinkRefusal, take_all
from gateway_ext.telemetry.otlp_lines import last_log_lines

WRITER = Path(__file__).parent / "spool_writer.py"
RECORD = DecisionRecord(EventName.DECISION_REFUSED, "e", "refuse", "d" * 64, "public", "192.0.2.1")
RECORDS = 1_500
SEED = 20


def free_port() -> int:
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        return int(reserved.getsockname()[1])


@asynccontextmanager
async def collecting(port: int, path: Path, intake: Intake = take_all) -> AsyncIterator[None]:
    sink = OtlpFileSink(f"127.0.0.1:{port}", path, intake)
    await sink.start()
    try:
        yield
    finally:
        await sink.stop()


@asynccontextmanager
async def shipping(spool: Path, port: int) -> AsyncIterator[Shipper]:
    exporter = OtlpGrpcExporter(f"http://127.0.0.1:{port}")
    shipper = Shipper(spool, {"otlp": exporter}, SystemClock(), retry_seconds_max=0.3)
    running = asyncio.get_running_loop().create_task(shipper.run())
    try:
        yield shipper
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await exporter.close()


async def refusing(_: Sequence[Received]) -> Sequence[Received]:
    raise SinkRefusal(grpc.StatusCode.UNAVAILABLE)


async def slow(records: Sequence[Received]) -> Sequence[Received]:
    await asyncio.sleep(0.1)
    return records


def half_accepting() -> Intake:
    chance = random.Random(SEED)

    async def intake(records: Sequence[Received]) -> Sequence[Received]:
        return records if chance.random() < 0.5 else [record for record in records if chance.random() < 0.5]

    return intake


def delivered(path: Path) -> dict[str, list[int]]:
    """Sequences by process, duplicates removed by id, in the order of each record's last arrival.

    The last, because of a rejected export a collector may have kept any part, in any order.
    """
    arrivals = last_log_lines(path, 1_000_000)
    last_arrival = {line.attributes["gateway.record.id"]: index for index, line in enumerate(arrivals)}
    arrived: dict[str, list[int]] = {}
    for index in sorted(last_arrival.values()):
        line = arrivals[index]
        arrived.setdefault(line.resource["gateway.process"], []).append(line.attributes["gateway.record.sequence"])
    return arrived


async def test_delivered_is_written_whatever_the_collector_does(tmp_path: Path) -> None:
    spool, path, port = tmp_path / "spool", tmp_path / "sink.jsonl", free_port()
    writers = [
        subprocess.Popen([sys.executable, WRITER, spool, process, str(RECORDS), "0.001"], stdout=subprocess.DEVNULL)  # noqa: ASYNC220  (must run beside this loop; started, not waited for)
        for process in ("p0", "p1")
    ]
    async with shipping(spool, port):
        await asyncio.sleep(0.3)  # down from the start
    async with shipping(spool, port) as shipper:  # and the shipper restarted
        for intake in (refusing, slow, half_accepting(), take_all):
            async with collecting(port, path, intake):
                await asyncio.sleep(0.6)
        codes = [await asyncio.to_thread(writer.wait, 30) for writer in writers]
        async with collecting(port, path), asyncio.timeout(30):
            await drained(shipper, 2 * RECORDS)
        statuses = shipper.status()
    assert codes == [0, 0]
    assert delivered(path) == {process: list(range(1, RECORDS + 1)) for process in ("p0", "p1")}
    assert [(status.lag_bytes, status.stuck_id, status.cursor.lost_records) for status in statuses] == [(0, "", 0)] * 2


async def drained(shipper: Shipper, records: int) -> None:
    while shipper.shipped < records:  # noqa: ASYNC110  (another process writes; there is nothing to wait on)
        await asyncio.sleep(0.02)


async def test_a_full_spool_refuses_and_takes_records_again_after_shipping(tmp_path: Path) -> None:
    spool, path, port = (
        Spool(tmp_path / "spool", "p0", SystemClock(), bytes_max=20_000),
        tmp_path / "s.jsonl",
        free_port(),
    )
    accepted = append_until_full(spool)
    assert spool.fill > 0.95
    async with shipping(tmp_path / "spool", port) as shipper, collecting(port, path), asyncio.timeout(10):
        await drained(shipper, accepted)
    for _ in range(accepted // 2):
        spool.append(RECORD)
    spool.close()
    assert delivered(path) == {"p0": list(range(1, accepted + 1))}


def append_until_full(spool: Spool) -> int:
    for accepted in range(limits.SPOOL_SEGMENT_BYTES):
        try:
            spool.append(RECORD)
        except AuditUnavailable:
            return accepted
    raise AssertionError("never full")
