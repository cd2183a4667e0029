"""Outputs that are added and removed while a spool is in use."""

import asyncio
import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from gateway_ext import limits
from gateway_ext.audit.cursor import Cursor, load_cursor, load_cursors, save_cursor, undelivered_bytes, unshipped_bytes
from gateway_ext.audit.delivery import Answer, Delivery, Exporter
from gateway_ext.audit.encoding import Event
from gateway_ext.audit.enrolment import enrol
from gateway_ext.audit.events import EventName
from gateway_ext.audit.records import DecisionRecord
from gateway_ext.audit.segments import segment_sizes
from gateway_ext.audit.shipper import Shipper
from gateway_ext.audit.spool import Spool
from gateway_ext.clock import SystemClock

RECORD = DecisionRecord(EventName.DECISION_REFUSED, "e", "refuse", "d", "public", "192.0.2.1")
ACCEPTED = Delivery(Answer.ACCEPTED)


@dataclass
class Output:
    judge: Callable[[], Delivery] = lambda: ACCEPTED
    taken: list[int] = field(default_factory=list)
    attempts: int = 0

    async def export(self, events: Sequence[Event]) -> Delivery:
        self.attempts += 1
        delivery = self.judge()
        if delivery.answer is Answer.ACCEPTED:
            self.taken += [event.sequence for event in events]
        return delivery


@dataclass
class HandClock:
    seconds: float = 0.0

    def monotonic_ns(self) -> int:
        return int(self.seconds * 1e9)


@pytest.fixture
def spool(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Spool]:
    """With a few records a segment."""
    monkeypatch.setattr(limits, "SPOOL_SEGMENT_BYTES", 300)
    spool = Spool(tmp_path, "p0", SystemClock())
    yield spool
    spool.close()


def write(spool: Spool, records: int) -> None:
    for _ in range(records):
        spool.append(RECORD)


async def ship(root: Path, outputs: dict[str, Exporter], clock: HandClock | None = None) -> Shipper:
    shipper = Shipper(root, outputs, clock or HandClock())
    while await shipper.step():
        pass
    return shipper


async def test_each_output_gets_all_in_order_with_a_cursor_of_its_own(tmp_path: Path, spool: Spool) -> None:
    write(spool, 10)
    otlp, ocsf = Output(), Output()
    shipper = await ship(tmp_path, {"otlp": otlp, "ocsf": ocsf})
    assert otlp.taken == ocsf.taken == list(range(1, 11))
    assert (spool.directory / "cursor").exists()
    assert (spool.directory / "cursor.ocsf").exists()
    assert (shipper.shipped, shipper.lag_bytes) == (10, 0)
    assert {(status.output, status.cursor.records) for status in shipper.status()} == {("otlp", 10), ("ocsf", 10)}


async def test_a_stuck_output_holds_segments_back_and_no_other_output(tmp_path: Path, spool: Spool) -> None:
    write(spool, 10)
    before = segment_sizes(spool.directory)
    stuck, fine = Output(lambda: Delivery(Answer.UNREACHABLE)), Output()
    clock = HandClock()
    shipper = await ship(tmp_path, {"otlp": fine, "syslog": stuck}, clock)
    assert fine.taken == list(range(1, 11))
    assert segment_sizes(spool.directory) == before
    assert undelivered_bytes(spool.directory) == sum(before.values())
    assert (shipper.shipped, shipper.lag_bytes) == (0, sum(before.values()))
    assert {status.output: status.trouble != "" for status in shipper.status()} == {"otlp": False, "syslog": True}
    stuck.judge, clock.seconds = Output.judge, 60
    while await shipper.step():
        pass
    assert stuck.taken == list(range(1, 11))
    assert list(segment_sizes(spool.directory)) == [max(before)]


async def test_a_hanging_output_does_not_stop_the_others(tmp_path: Path, spool: Spool) -> None:
    class Hanging(Output):
        async def export(self, events: Sequence[Event]) -> Delivery:
            await asyncio.sleep(3600)
            return ACCEPTED

    write(spool, 10)
    fine = Output()
    running = asyncio.get_running_loop().create_task(
        Shipper(tmp_path, {"otlp": Hanging(), "ocsf": fine}, SystemClock()).run()
    )
    async with asyncio.timeout(5):
        while len(fine.taken) < 10:  # noqa: ASYNC110  (the shipper works beside)
            await asyncio.sleep(0.01)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running


async def test_an_output_that_is_added_begins_with_the_oldest_record_that_is_there(
    tmp_path: Path, spool: Spool, caplog: pytest.LogCaptureFixture
) -> None:
    write(spool, 10)
    await ship(tmp_path, {"otlp": Output()})
    write(spool, 3)
    added = Output()
    await ship(tmp_path, {"otlp": Output(), "syslog": added})
    assert added.taken == list(range(added.taken[0], 14))
    assert 1 < added.taken[0] <= 10
    cursor = load_cursor(spool.directory, "syslog")
    assert (cursor.lost_records, cursor.records) == (0, len(added.taken))
    assert "go to syslog, too" in caplog.text
    assert not [entry for entry in caplog.records if entry.levelno >= logging.ERROR]


async def test_an_output_that_is_removed_no_longer_counts(
    tmp_path: Path, spool: Spool, caplog: pytest.LogCaptureFixture
) -> None:
    write(spool, 10)
    segments = list(segment_sizes(spool.directory))
    await ship(tmp_path, {"otlp": Output(), "syslog": Output(lambda: Delivery(Answer.UNREACHABLE))})
    assert list(segment_sizes(spool.directory)) == segments
    otlp = Output()
    write(spool, 1)
    await ship(tmp_path, {"otlp": otlp})
    assert otlp.taken == [11]
    assert list(load_cursors(spool.directory)) == ["otlp"]
    assert len(segment_sizes(spool.directory)) == 1
    assert undelivered_bytes(spool.directory) == 0
    assert "no longer go to syslog" in caplog.text


def test_at_no_moment_are_there_fewer_outputs_than_before_and_after(
    tmp_path: Path, spool: Spool, monkeypatch: pytest.MonkeyPatch
) -> None:
    enrol(spool.directory, ["otlp"])

    def fail(_: Path, missing_ok: bool = False) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(Path, "unlink", fail)
    with pytest.raises(OSError, match="Input"):
        enrol(spool.directory, ["ocsf"])
    assert set(load_cursors(spool.directory)) == {"otlp", "ocsf"}


def test_numbers_of_segments_that_have_gone_are_not_used_again(tmp_path: Path) -> None:
    """A power cut may have taken what was acknowledged, the newest segment with it."""
    directory = tmp_path / "p0"
    directory.mkdir()
    save_cursor(directory, Cursor(segment=7, offset=40, run_id="r", sequence=9, records=9))
    enrol(directory, ["ocsf"])
    assert load_cursors(directory) == {"ocsf": Cursor(7, 40, "r", 9)}
    spool = Spool(tmp_path, "p0", SystemClock())
    spool.close()
    assert list(segment_sizes(directory)) == [8]


async def test_the_slowest_output_fills_the_spool(tmp_path: Path, spool: Spool) -> None:
    write(spool, 10)
    await ship(tmp_path, {"otlp": Output(), "syslog": Output(lambda: Delivery(Answer.UNREACHABLE))})
    waiting = unshipped_bytes(spool.directory, load_cursor(spool.directory, "syslog"))
    again = Spool(tmp_path, "p1", SystemClock(), bytes_max=waiting)
    again.close()
    assert again.fill == 0
    spool.close()
    full = Spool(tmp_path, "p0", SystemClock(), bytes_max=waiting)
    assert full.fill == 1.0
    full.close()


async def test_a_receiver_that_asks_to_be_left_alone_is(tmp_path: Path, spool: Spool) -> None:
    write(spool, 1)
    clock = HandClock()
    output = Output(lambda: Delivery(Answer.UNREACHABLE, "status 503", retry_after_seconds=17))
    shipper = await ship(tmp_path, {"otlp": output}, clock)
    for _ in range(16):
        clock.seconds += 1
        await shipper.step()
    assert output.attempts == 1
    clock.seconds += 1
    await shipper.step()
    assert output.attempts == 2
    output.judge = lambda: Delivery(Answer.UNREACHABLE, "status 503", retry_after_seconds=1e9)
    clock.seconds += 18
    await shipper.step()
    clock.seconds += limits.SHIP_RETRY_AFTER_SECONDS_MAX
    await shipper.step()
    assert output.attempts == 4
