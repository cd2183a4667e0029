"""The trail is followed from now on, across segments and processes, and what was missed is counted."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway_ext import limits
from gateway_ext.audit.encoding import Event
from gateway_ext.audit.segments import frame, segment_path
from gateway_ext.audit.spool import Spool
from gateway_ext.clock import SystemClock
from gateway_ext.telemetry.follower import Follower
from tests.unit.telemetry.trail_records import FORWARDED, REFUSED, SETTLED


def followed(follower: Follower) -> list[Event]:
    return [event for events in follower.step() for event in events]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "spool"


def test_from_the_newest_record_on(root: Path) -> None:
    spool = Spool(root, "processor-0", SystemClock())
    spool.append(REFUSED)
    follower = Follower(root)
    assert followed(follower) == []
    spool.append(FORWARDED)
    spool.append(SETTLED)
    assert [each.sequence for each in followed(follower)] == [2, 3]
    assert followed(follower) == []
    spool.close()
    assert follower.missed == 0


def test_a_process_that_begins_later_is_read_from_its_first_record(root: Path) -> None:
    follower = Follower(root)  # there is no spool yet
    spool = Spool(root, "processor-1", SystemClock())
    spool.append(REFUSED)
    spool.close()
    assert [each.processor for each in followed(follower)] == ["processor-1"]
    spool = Spool(root, "processor-1", SystemClock())  # the next run, in the next segment
    spool.append(FORWARDED)
    spool.close()
    assert [each.sequence for each in followed(follower)] == [1]
    assert follower.missed == 0


def test_what_is_written_at_the_start_is_left_alone(root: Path) -> None:
    spool = Spool(root, "processor-0", SystemClock())
    spool.append(REFUSED)
    spool.append(REFUSED)
    spool.close()
    path = segment_path(root / "processor-0", 1)
    path.write_bytes(path.read_bytes()[:-3])  # the second one is just being written
    assert followed(Follower(root)) == []


def test_records_that_went_unread_are_counted(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "SPOOL_SEGMENT_BYTES", 700)  # a record or two
    spool = Spool(root, "processor-0", SystemClock())
    spool.append(REFUSED)
    follower = Follower(root)
    for _ in range(6):
        spool.append(REFUSED)
    spool.close()
    segments = sorted((root / "processor-0").glob("*.segment"))
    for each in segments[:-1]:
        each.unlink()
    read = len(followed(follower))
    assert read >= 1
    assert follower.missed == 6 - read


def test_only_so_many_are_read_at_once(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "TELEMETRY_BATCH_RECORDS", 2)
    follower = Follower(root)
    spool = Spool(root, "processor-0", SystemClock())
    for _ in range(3):
        spool.append(REFUSED)
    spool.close()
    assert [len(followed(follower)) for _ in range(3)] == [2, 1, 0]


def test_a_frame_that_is_no_record_is_in_nobodys_way(root: Path) -> None:
    spool = Spool(root, "processor-0", SystemClock())
    spool.append(REFUSED)
    spool.close()
    with segment_path(root / "processor-0", 1).open("ab") as file:
        file.write(frame(b"\xff no event"))
    follower = Follower(root)
    spool = Spool(root, "processor-0", SystemClock())
    spool.append(FORWARDED)
    spool.close()
    assert [each.name for each in followed(follower)] == [FORWARDED.name]
