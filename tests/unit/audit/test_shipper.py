import asyncio
import logging
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from gateway_ext import limits
from gateway_ext.audit import lane
from gateway_ext.audit.cursor import load_cursor
from gateway_ext.audit.delivery import Answer, Delivery
from gateway_ext.audit.encoding import Event
from gateway_ext.audit.enrolment import enrol
from gateway_ext.audit.events import EventName
from gateway_ext.audit.reading import Batch, last_events, next_batch
from gateway_ext.audit.records import DecisionRecord
from gateway_ext.audit.segments import segment_path, segment_sizes
from gateway_ext.audit.shipper import Shipper
from gateway_ext.audit.spool import Spool
from gateway_ext.clock import SystemClock
from gateway_ext.errors import ConfigurationError

RECORD = DecisionRecord(EventName.DECISION_REFUSED, "e", "refuse", "d", "public", "192.0.2.1")
UNREACHABLE = Delivery(Answer.UNREACHABLE, "UNAVAILABLE")
REJECTED = Delivery(Answer.REJECTED, "1 of some")


@dataclass
class Collector:
    """Keeps what it accepts. `judge` decides on every export."""

    judge: Callable[[Sequence[Event]], Delivery] = lambda _: Delivery(Answer.ACCEPTED)
    accepted: list[Event] = field(default_factory=list)
    sizes: list[int] = field(default_factory=list)
    arrived: asyncio.Event = field(default_factory=asyncio.Event)

    async def export(self, events: Sequence[Event]) -> Delivery:
        delivery = self.judge(events)
        self.sizes.append(len(events))
        if delivery.answer is Answer.ACCEPTED:
            self.accepted += events
            self.arrived.set()
        return delivery

    def sequences(self, process: str = "p0") -> list[int]:
        return [event.sequence for event in self.accepted if event.processor == process]


@dataclass
class HandClock:
    seconds: float = 0.0

    def monotonic_ns(self) -> int:
        return int(self.seconds * 1e9)


@pytest.fixture
def spool(tmp_path: Path) -> Iterator[Spool]:
    spool = Spool(tmp_path, "p0", SystemClock())
    yield spool
    spool.close()


async def until_idle(shipper: Shipper) -> None:
    while await shipper.step():
        pass


async def test_ships_in_order_and_in_batches(tmp_path: Path, spool: Spool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "SHIP_BATCH_RECORDS_MAX", 4)
    collector = Collector()
    shipper = Shipper(tmp_path, {"otlp": collector}, HandClock())
    for _ in range(10):
        spool.append(RECORD)
    assert load_cursor(spool.directory).records == 0
    await until_idle(shipper)
    assert collector.sequences() == list(range(1, 11))
    assert collector.sizes == [4, 4, 2]
    assert (shipper.shipped, shipper.lag_bytes) == (10, 0)


async def test_what_comes_in_while_a_batch_is_on_its_way_gathers_to_the_next_one(tmp_path: Path, spool: Spool) -> None:
    collector = Collector()

    def judge(_: Sequence[Event]) -> Delivery:
        spool.append(RECORD)
        return Delivery(Answer.ACCEPTED)

    collector.judge = judge
    shipper = Shipper(tmp_path, {"otlp": collector}, HandClock())
    spool.append(RECORD)
    assert not await shipper.step()
    spool.append(RECORD)
    assert not await shipper.step()
    assert collector.sizes == [1, 2]


async def test_what_has_been_delivered_is_not_read_again(
    tmp_path: Path, spool: Spool, monkeypatch: pytest.MonkeyPatch
) -> None:
    reads = 0

    def counted(*wanted: Any) -> Batch:
        nonlocal reads
        reads += 1
        return next_batch(*wanted)

    monkeypatch.setattr(lane, "next_batch", counted)
    collector = Collector()
    shipper = Shipper(tmp_path, {"otlp": collector}, HandClock())
    for expected in (1, 2):
        spool.append(RECORD)
        await until_idle(shipper)
        reads = 0
        await until_idle(shipper)
        assert reads == 0
        assert collector.sequences() == list(range(1, expected + 1))


async def test_the_cursor_survives_a_restart_of_the_shipper(tmp_path: Path, spool: Spool) -> None:
    collector = Collector()
    spool.append(RECORD)
    await until_idle(Shipper(tmp_path, {"otlp": collector}, HandClock()))
    spool.append(RECORD)
    await until_idle(Shipper(tmp_path, {"otlp": collector}, HandClock()))
    assert collector.sequences() == [1, 2]


async def test_nothing_moves_while_the_collector_is_away_and_retries_slow_down(tmp_path: Path, spool: Spool) -> None:
    collector, clock = Collector(lambda _: UNREACHABLE), HandClock()
    shipper = Shipper(tmp_path, {"otlp": collector}, clock, retry_seconds_max=2.0)
    spool.append(RECORD)
    attempts = list[float]()
    for _ in range(2_000):
        await shipper.step()
        if len(collector.sizes) > len(attempts):
            attempts.append(clock.seconds)
        clock.seconds += 0.01
    waits = [after - before for before, after in pairwise(attempts)]
    assert waits == sorted(waits[:4]) + waits[4:]
    assert 0.1 < waits[0] < 0.3
    assert all(1.5 < wait <= 2.05 for wait in waits[4:])
    assert load_cursor(spool.directory).records == 0
    (status,) = shipper.status()
    assert status.lag_bytes > 0
    assert status.trouble == "unreachable (UNAVAILABLE)"
    collector.judge = Collector.judge
    clock.seconds += 2
    await until_idle(shipper)
    assert collector.sequences() == [1]
    assert shipper.status()[0].trouble == ""


async def test_a_rejection_is_resent_until_all_is_accepted(tmp_path: Path, spool: Spool) -> None:
    answers = iter([REJECTED, REJECTED])
    collector = Collector(lambda _: next(answers, Delivery(Answer.ACCEPTED)))
    for _ in range(8):
        spool.append(RECORD)
    await until_idle(Shipper(tmp_path, {"otlp": collector}, HandClock()))
    assert collector.sequences() == list(range(1, 9))
    assert collector.sizes[:3] == [8, 4, 2]


async def test_a_poison_record_is_named_and_blocks_only_its_process(
    tmp_path: Path, spool: Spool, caplog: pytest.LogCaptureFixture
) -> None:
    poison = list[str]()
    collector, clock = Collector(), HandClock()
    collector.judge = lambda events: (
        REJECTED if any(event.id in poison for event in events) else Delivery(Answer.ACCEPTED)
    )
    for _ in range(20):
        spool.append(RECORD)
    other = Spool(tmp_path, "p1", SystemClock())
    other.append(RECORD)
    other.close()
    poison.append(last_events(spool.directory, 8)[0].id)
    shipper = Shipper(tmp_path, {"otlp": collector}, clock)
    for _ in range(5):
        await until_idle(shipper)
        clock.seconds += 60
    assert collector.sequences("p0") == list(range(1, 13))
    assert collector.sequences("p1") == [1]
    status, fine = shipper.status()
    assert (status.stuck_id, fine.stuck_id) == (poison[0], "")
    errors = [entry.getMessage() for entry in caplog.records if entry.levelno == logging.ERROR]
    assert len(errors) == 1
    assert poison[0] in errors[0]
    poison.clear()
    clock.seconds += 60
    await until_idle(shipper)
    assert collector.sequences("p0") == list(range(1, 21))
    assert shipper.status()[0].stuck_id == ""


async def test_acknowledged_segments_go_and_the_newest_stays(
    tmp_path: Path, spool: Spool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "SPOOL_SEGMENT_BYTES", 300)
    collector = Collector(lambda _: UNREACHABLE)
    clock = HandClock()
    shipper = Shipper(tmp_path, {"otlp": collector}, clock)
    for _ in range(10):
        spool.append(RECORD)
    before = segment_sizes(spool.directory)
    await until_idle(shipper)
    assert segment_sizes(spool.directory) == before
    collector.judge, clock.seconds = Collector.judge, 60
    await until_idle(shipper)
    assert list(segment_sizes(spool.directory)) == [max(before)]
    assert collector.sequences() == list(range(1, 11))


async def test_no_segment_goes_before_the_cursor_is_durable(
    tmp_path: Path, spool: Spool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "SPOOL_SEGMENT_BYTES", 300)
    for _ in range(10):
        spool.append(RECORD)
    spool.close()
    before, clock, collector = segment_sizes(spool.directory), HandClock(), Collector()
    shipper = Shipper(tmp_path, {"otlp": collector}, clock)
    enrol(spool.directory, ["otlp"])
    with monkeypatch.context() as patch:

        def fail(_: int) -> None:
            raise OSError(5, "Input/output error")

        patch.setattr(os, "fsync", fail)
        await until_idle(shipper)
        assert "spool: Input" in shipper.status()[0].trouble
    assert segment_sizes(spool.directory) == before
    clock.seconds = 60
    await until_idle(shipper)
    assert sorted(set(collector.sequences())) == list(range(1, 11))


async def test_losses_are_reported(tmp_path: Path, spool: Spool, caplog: pytest.LogCaptureFixture) -> None:
    for _ in range(3):
        spool.append(RECORD)
    spool.close()
    path = segment_path(spool.directory, 1)
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    collector = Collector()
    shipper = Shipper(tmp_path, {"otlp": collector}, HandClock())
    await until_idle(shipper)
    assert collector.sequences() == [1, 3]
    assert shipper.status()[0].cursor.lost_records == 1
    assert "1 by their sequence" in caplog.text


async def test_only_one_shipper_per_spool(tmp_path: Path) -> None:
    async with asyncio.timeout(5):
        running = asyncio.get_running_loop().create_task(Shipper(tmp_path, {"otlp": Collector()}, SystemClock()).run())
        await asyncio.sleep(0.01)
        with pytest.raises(ConfigurationError, match="audit shipper"):
            await Shipper(tmp_path, {"otlp": Collector()}, SystemClock()).run()
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running


async def test_run_finds_processes_that_start_later(tmp_path: Path) -> None:
    collector = Collector()
    async with asyncio.timeout(5):
        running = asyncio.get_running_loop().create_task(Shipper(tmp_path, {"otlp": collector}, SystemClock()).run())
        await asyncio.sleep(0.01)
        spool = Spool(tmp_path, "late", SystemClock())
        spool.append(RECORD)
        spool.close()
        await collector.arrived.wait()
        assert collector.sequences("late") == [1]
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
