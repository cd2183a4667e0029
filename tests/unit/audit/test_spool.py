import errno
import logging
import os
import stat
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from itertools import count
from pathlib import Path

import pytest

from gateway_ext import limits
from gateway_ext.audit.cursor import Cursor, save_cursor
from gateway_ext.audit.encoding import Event
from gateway_ext.audit.events import EventName
from gateway_ext.audit.reading import last_events, next_batch
from gateway_ext.audit.records import DecisionRecord, OutcomeRecord
from gateway_ext.audit.segments import segment_path, segment_sizes
from gateway_ext.audit.spool import Spool
from gateway_ext.errors import AuditUnavailable, ConfigurationError
from gateway_ext.exchange import Outcome

RECORD = DecisionRecord(EventName.DECISION_REFUSED, "e", "refuse", "d", "public", "192.0.2.1")


@dataclass
class FakeClock:
    """Monotonic time runs fast, so that the spool measures in every round of its thread."""

    ids: Iterator[int] = field(default_factory=count)
    ticks: Iterator[int] = field(default_factory=lambda: count(step=2_000_000_000))

    def now_unix_nano(self) -> int:
        return 1_700_000_000_000_000_000

    def monotonic_ns(self) -> int:
        return next(self.ticks)

    def new_id(self) -> str:
        return f"run{next(self.ids)}"


class Opened:
    """Opens spools of one process and closes whatever is left open."""

    def __init__(self, root: Path):
        self.root = root
        self.directory = root / "p0"
        self._clock = FakeClock()
        self._spools: list[Spool] = []

    def __call__(self, bytes_max: int = 1 << 20, fsync_seconds: float = 0.005) -> Spool:
        self._spools.append(Spool(self.root, "p0", self._clock, bytes_max, fsync_seconds))
        return self._spools[-1]

    def close(self) -> None:
        for spool in self._spools:
            spool.close()

    def events(self) -> list[Event]:
        return last_events(self.directory, 1_000_000)

    def ids(self) -> list[str]:
        return [event.id for event in self.events()]


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Opened]:
    opened = Opened(tmp_path / "spool")
    yield opened
    opened.close()


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 5
    while not condition():
        assert time.monotonic() < deadline, "did not happen in time"
        time.sleep(0.002)


def fault(
    monkeypatch: pytest.MonkeyPatch, call: str, error: int, persisted_bytes: int | None = 0, times: int = 1
) -> None:
    """Let `os.call` fail on segment files; before that, do it (for None) or do it for a part of the data."""
    real, left = getattr(os, call), [times]

    def failing(descriptor: int, *arguments: bytes) -> object:
        if left[0] == 0 or not os.readlink(f"/proc/self/fd/{descriptor}").endswith(".segment"):
            return real(descriptor, *arguments)
        left[0] -= 1
        if persisted_bytes is None:
            real(descriptor, *arguments)
        elif persisted_bytes:
            real(descriptor, arguments[0][:persisted_bytes])
        raise OSError(error, os.strerror(error))

    monkeypatch.setattr(os, call, failing)


def test_records_are_readable_before_anything_else_happens(opened: Opened) -> None:
    spool = opened(fsync_seconds=60)
    for number in range(3):
        spool.append(replace(RECORD, exchange_id=f"e{number}"))
        assert [event.exchange_id for event in opened.events()] == [f"e{n}" for n in range(number + 1)]
    assert opened.ids() == ["run0-1", "run0-2", "run0-3"]
    assert {event.processor for event in opened.events()} == {"p0"}
    assert spool.written == 3


def test_files_are_private(opened: Opened) -> None:
    opened().append(RECORD)
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (opened.directory, *opened.directory.iterdir())}
    assert modes == {"p0": 0o700, "lock": 0o600, "0000000001.segment": 0o600}


def test_a_restart_is_a_new_run_in_a_new_segment(opened: Opened) -> None:
    first = opened()
    first.append(RECORD)
    first.close()
    second = opened()
    second.append(RECORD)
    assert opened.ids() == ["run0-1", "run1-1"]
    assert list(segment_sizes(opened.directory)) == [1, 2]


def test_numbers_of_lost_segments_are_not_used_again(opened: Opened) -> None:
    opened.directory.mkdir(parents=True)
    save_cursor(opened.directory, Cursor(segment=7, offset=100))
    opened().append(RECORD)
    assert list(segment_sizes(opened.directory)) == [8]


def test_only_one_writer_per_directory(opened: Opened) -> None:
    spool = opened()
    with pytest.raises(ConfigurationError, match="another process"):
        opened()
    spool.close()
    opened()


@pytest.mark.parametrize("process", ["", "..", "a/b", ".hidden", "x" * 65])
def test_a_process_name_is_a_plain_name(process: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="process name"):
        Spool(tmp_path, process, FakeClock())


def test_an_unusable_directory_is_a_configuration_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ConfigurationError, match="cannot be written"):
        Spool(tmp_path / "file", "p0", FakeClock())


def test_full_segments_are_followed_without_a_gap(opened: Opened, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "SPOOL_SEGMENT_BYTES", 300)
    spool = opened()
    for _ in range(10):
        spool.append(RECORD)
    spool.close()
    assert opened.ids() == [f"run0-{n}" for n in range(1, 11)]
    sizes = segment_sizes(opened.directory)
    assert len(sizes) > 3
    assert max(sizes.values()) <= 300


def test_what_does_not_fit_is_refused_and_the_rest_goes_on(opened: Opened, monkeypatch: pytest.MonkeyPatch) -> None:
    spool = opened()
    with pytest.raises(AuditUnavailable) as caught:
        spool.append(replace(RECORD, reason="\ud800 secret"))
    assert caught.value.__context__ is None  # it would quote the field
    monkeypatch.setattr(limits, "SPOOL_SEGMENT_BYTES", 1000)
    with pytest.raises(AuditUnavailable):
        spool.append(replace(RECORD, reason="x" * 1000))
    spool.append(RECORD)
    assert opened.ids() == ["run0-1"]


def test_a_closed_spool_refuses(opened: Opened) -> None:
    spool = opened()
    spool.close()
    spool.close()
    with pytest.raises(AuditUnavailable):
        spool.append(RECORD)


# --- faults of storage ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("error", [errno.ENOSPC, errno.EIO, errno.EDQUOT])
@pytest.mark.parametrize("persisted_bytes", [0, 1, 7, 8, 20])
def test_a_failed_write_refuses_and_leaves_no_trace(
    error: int, persisted_bytes: int, opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    spool = opened()
    spool.append(RECORD)
    fault(monkeypatch, "write", error, persisted_bytes)
    with pytest.raises(AuditUnavailable):
        spool.append(RECORD)
    spool.append(RECORD)
    assert opened.ids() == ["run0-1", "run0-2"]
    assert next_batch(opened.directory, Cursor(), 100, 1 << 20).cursor.damaged_bytes == 0
    assert spool.written == 2
    assert not spool.failed


def test_a_short_write_refuses_and_leaves_no_trace(opened: Opened, monkeypatch: pytest.MonkeyPatch) -> None:
    spool, real = opened(), os.write
    with monkeypatch.context() as patch:
        patch.setattr(os, "write", lambda descriptor, data: real(descriptor, data[:11]))
        with pytest.raises(AuditUnavailable):
            spool.append(RECORD)
    spool.append(RECORD)
    assert opened.ids() == ["run0-1"]


def test_a_write_that_failed_but_persisted_never_shares_its_id(opened: Opened, monkeypatch: pytest.MonkeyPatch) -> None:
    """The shipper may have read the record, so it stays: one record too many, for a request that was refused."""
    spool = opened()
    spool.append(RECORD)
    fault(monkeypatch, "write", errno.EIO, persisted_bytes=None)
    with pytest.raises(AuditUnavailable):
        spool.append(replace(RECORD, exchange_id="refused"))
    spool.append(RECORD)
    spool.append(RECORD)
    assert opened.ids() == ["run0-1", "run0-2", "run1-1", "run1-2"]
    batch = next_batch(opened.directory, Cursor(), 100, 1 << 20)
    assert batch.cursor.lost_records == 0


def test_a_segment_that_cannot_be_mended_is_given_up(opened: Opened, monkeypatch: pytest.MonkeyPatch) -> None:
    spool = opened()
    spool.append(RECORD)
    fault(monkeypatch, "write", errno.ENOSPC, persisted_bytes=20)
    fault(monkeypatch, "ftruncate", errno.EIO)
    with pytest.raises(AuditUnavailable):
        spool.append(RECORD)
    spool.append(RECORD)
    assert opened.ids() == ["run0-1", "run1-1"]
    assert list(segment_sizes(opened.directory)) == [1, 2]


def test_no_new_segment_no_record(opened: Opened, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "SPOOL_SEGMENT_BYTES", 150)
    spool, real = opened(), os.open
    spool.append(RECORD)

    def failing(path: Path, flags: int, *mode: int) -> int:
        if str(path).endswith(".segment") and flags & os.O_CREAT:
            raise OSError(errno.EMFILE, "Too many open files")
        return real(path, flags, *mode)

    with monkeypatch.context() as patch:
        patch.setattr(os, "open", failing)
        with pytest.raises(AuditUnavailable):
            spool.append(RECORD)
    spool.append(RECORD)
    assert opened.ids() == ["run0-1", "run0-2"]


@pytest.mark.parametrize("persisted", [None, 0])
def test_a_failed_fsync_is_final(
    persisted: int | None, opened: Opened, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    spool = opened()
    fault(monkeypatch, "fsync", errno.EIO, persisted_bytes=persisted)
    spool.append(RECORD)
    wait_for(lambda: spool.failed)
    monkeypatch.undo()
    for _ in range(2):
        with pytest.raises(AuditUnavailable):
            spool.append(RECORD)
    assert opened.ids() == ["run0-1"]
    assert "fsync failed" in caplog.text


def test_a_failed_fsync_is_not_tried_again(opened: Opened, monkeypatch: pytest.MonkeyPatch) -> None:
    spool, calls = opened(fsync_seconds=0.001), list[int]()

    def failing(descriptor: int) -> None:
        calls.append(descriptor)
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(os, "fsync", failing)
    spool.append(RECORD)
    wait_for(lambda: spool.failed)
    spool.close()
    assert len(calls) == 1


def test_every_record_is_synced_within_the_interval(opened: Opened, monkeypatch: pytest.MonkeyPatch) -> None:
    synced, real = list[int](), os.fsync

    def observed(descriptor: int) -> None:
        real(descriptor)
        if os.readlink(f"/proc/self/fd/{descriptor}").endswith(".segment"):
            synced.append(os.fstat(descriptor).st_size)

    monkeypatch.setattr(os, "fsync", observed)
    spool = opened()
    for size in (1, 2):
        spool.append(RECORD)
        wait_for(lambda size=size: len(synced) == size)  # type: ignore[misc]  # mypy cannot infer a default's type
    assert synced == sorted(set(synced))
    assert synced[-1] == segment_path(opened.directory, 1).stat().st_size


# --- the disk budget ------------------------------------------------------------------------------------------------


def fill_up(spool: Spool) -> int:
    for written in range(10_000):
        try:
            spool.append(RECORD)
        except AuditUnavailable:
            return written
    raise AssertionError("never full")


def test_a_full_spool_refuses_until_the_collector_acknowledges(opened: Opened) -> None:
    spool = opened(bytes_max=1000, fsync_seconds=60)
    written = fill_up(spool)
    assert sum(segment_sizes(opened.directory).values()) <= 1000
    assert 0.8 < spool.fill <= 1
    with pytest.raises(AuditUnavailable):
        spool.append(RECORD)
    save_cursor(opened.directory, next_batch(opened.directory, Cursor(), 3, 1 << 20).cursor)
    for _ in range(3):
        spool.append(RECORD)
    with pytest.raises(AuditUnavailable):
        spool.append(RECORD)
    assert opened.ids() == [f"run0-{n}" for n in range(1, written + 4)]


def test_a_full_spool_still_takes_outcomes_of_what_was_let_through(opened: Opened) -> None:
    """Or a decision to forward would have no outcome whenever the spool fills up between the two."""
    spool = opened(bytes_max=10_000, fsync_seconds=60)
    fill_up(spool)
    written = spool.written
    for _ in range(100):  # also of decisions by other processes
        spool.append(outcome(hold_id="h"))
    assert spool.written == written + 100
    assert spool.fill > 1
    with pytest.raises(AuditUnavailable):
        spool.append(outcome(hold_id=""))  # of a refusal: there may be any number of them


def outcome(hold_id: str) -> OutcomeRecord:
    reported = Outcome("e", hold_id, 200, "eu/m", None, 1, 1, 1, 1, 1, True, "access_log")
    return OutcomeRecord(EventName.OUTCOME_SETTLED, reported, None, 0, "EUR", None)


def test_the_budget_counts_what_earlier_runs_left(opened: Opened) -> None:
    first = opened(bytes_max=1000)
    fill_up(first)
    first.close()
    with pytest.raises(AuditUnavailable):
        opened(bytes_max=1000).append(RECORD)


def test_the_alarm_is_raised_once_at_eighty_per_cent(opened: Opened, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    spool = opened(bytes_max=1000)
    while spool.fill < 0.8:
        assert "% full; is" not in caplog.text
        spool.append(RECORD)
    wait_for(lambda: "% full; is" in caplog.text)
    time.sleep(0.03)
    assert caplog.text.count("% full; is") == 1


def test_refusals_are_logged_once_per_outage(opened: Opened, caplog: pytest.LogCaptureFixture) -> None:
    spool = opened(bytes_max=1000, fsync_seconds=60)
    fill_up(spool)
    for _ in range(5):
        with pytest.raises(AuditUnavailable):
            spool.append(RECORD)
    assert caplog.text.count("refusing records") == 1
