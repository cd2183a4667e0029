"""A power cut at any moment: what was acknowledged is there, what is torn is passed over, and the log can be signed."""

import asyncio
import random
import threading
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway_ext import limits
from gateway_ext.audit.cursor import Cursor
from gateway_ext.audit.events import EventName
from gateway_ext.audit.reading import next_batch
from gateway_ext.audit.records import DecisionRecord
from gateway_ext.audit.segments import segment_path, segment_sizes
from gateway_ext.audit.spool import Spool
from gateway_ext.clock import SystemClock
from gateway_ext.errors import AuditUnavailable
from tests.faults.power_cut import FSYNC_SECONDS, Acknowledged, Changed, Entry, JournallingDisk, Made, Synced, leave
from tests.unit.audit.signed_logs import LANE, HandClock, SignedState

RECORD = DecisionRecord(EventName.DECISION_FORWARDED, "", "forward", "d", "public", "192.0.2.1")
CUTS_TRIED = 8

# So many requests at once; or a write of which the disk does only a part.
steps = st.one_of(st.integers(1, 5), st.tuples(st.just("short"), st.integers(0, 60)))
SEEDS = st.integers(0, 2**32)  # not st.randoms: what a script does to the disk depends on threads, too
Script = Sequence[int | tuple[str, int]]


async def serve(spool: Spool, disk: JournallingDisk, script: Script) -> None:
    async def request(record: str) -> None:
        try:
            spool.append(replace(RECORD, exchange_id=record))
            await spool.durable()
            disk.acknowledge(record)
        except AuditUnavailable:
            pass

    for number, step in enumerate(script):
        if isinstance(step, tuple):
            disk.short_write_bytes = step[1]
        async with asyncio.TaskGroup() as tasks:
            for each in range(1 if isinstance(step, tuple) else step):
                tasks.create_task(request(f"{number}-{each}"))
        await asyncio.sleep(FSYNC_SECONDS)


def journal_of(root: Path, script: Script, *, power_loss: bool) -> list[Entry]:
    """What the writer does to the disk in a state directory that begins empty, until it is cut off."""
    root.mkdir()
    disk = JournallingDisk(root)
    with disk.journalled():
        spool = Spool(root / "state" / "spool", LANE, SystemClock(), fsync_seconds=0.002, power_loss=power_loss)
        try:
            asyncio.run(serve(spool, disk, script))
            journal = list(disk.journal)
        finally:
            spool.close()
    assert not spool.failed
    return journal


def found(spool: Path) -> list[str]:
    """The exchange ids of all records that can be read, in order, as the next start would find them."""
    if not spool.exists():
        return []
    segment_path(spool, max(segment_sizes(spool), default=0) + 1).touch()  # so that the last one is complete
    cursor, records = Cursor(), list[str]()
    while (batch := next_batch(spool, cursor, 100, 1 << 20)).cursor != cursor:
        records += [event.exchange_id for event in batch.events]
        cursor = batch.cursor
    return records


@settings(max_examples=25, deadline=None)
@given(st.lists(steps, min_size=1, max_size=12), SEEDS)
def test_power_loss_loses_nothing_that_was_acknowledged(script: Script, seed: int) -> None:
    chance = random.Random(seed)
    with TemporaryDirectory() as directory, pytest.MonkeyPatch.context() as patch:
        patch.setattr(limits, "SPOOL_SEGMENT_BYTES", 400)
        root = Path(directory)
        journal = journal_of(root / "before", script, power_loss=True)
        for cut in chance.sample(range(len(journal) + 1), min(CUTS_TRIED, len(journal))):
            after = root / f"after-{cut}"
            leave(journal[:cut], root / "before", after, chance)
            records = found(after / "state" / "spool" / LANE)
            promised = {entry.record for entry in journal[:cut] if isinstance(entry, Acknowledged)}
            assert promised <= set(records)
            assert len(records) == len(set(records))


@settings(max_examples=15, deadline=None)
@given(st.lists(st.integers(1, 5), min_size=1, max_size=12), SEEDS)
def test_process_crash_loses_at_most_what_was_written_since_the_last_group(script: Script, seed: int) -> None:
    chance = random.Random(seed)
    with TemporaryDirectory() as directory, pytest.MonkeyPatch.context() as patch:
        patch.setattr(limits, "SPOOL_SEGMENT_BYTES", 400)
        root = Path(directory)
        journal = journal_of(root / "before", script, power_loss=False)
        for cut in chance.sample(range(len(journal) + 1), min(CUTS_TRIED, len(journal))):
            after = root / f"after-{cut}"
            leave(journal[:cut], root / "before", after, chance)
            assert in_finished_groups(journal[:cut]) <= set(found(after / "state" / "spool" / LANE))


def in_finished_groups(journal: Sequence[Entry]) -> set[str]:
    """Records written before an fsync of their segment began that has come to its end; the segment's name is safe, too."""
    safe = set()
    for number, entry in enumerate(journal):
        if isinstance(entry, Acknowledged):
            segment = next(each.path for each in reversed(journal[:number]) if isinstance(each, Changed))
            made = journal.index(Made(segment, is_directory=False))
            if is_synced(journal, segment, number) and is_synced(journal, segment.parent, made + 1):
                safe.add(entry.record)
    return safe


def is_synced(journal: Sequence[Entry], path: Path, number: int) -> bool:
    return any(isinstance(each, Synced) and each.path == path and each.begun >= number for each in journal)


def test_what_a_power_cut_leaves_is_gone_on_with_and_signed(tmp_path: Path) -> None:
    chance = random.Random(7)
    journal = journal_of(tmp_path / "before", [3, ("short", 20), 5, 2], power_loss=True)
    for number in range(5):
        after = SignedState(tmp_path / f"after-{number}" / "state", HandClock())
        leave(journal[: len(journal) * (number + 1) // 5], tmp_path / "before", after.root.parent, chance)
        spool = Spool(after.root / "spool", LANE, SystemClock())
        spool.append(replace(RECORD, exchange_id="next"))
        spool.close()
        assert not spool.failed
        records = found(after.spool)
        assert records[-1] == "next"
        assert after.sign().checkpoint.size == len(records)


def test_a_power_cut_takes_nothing_that_a_checkpoint_covers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also of segments that the writer has not synced, and whose names it has not."""
    monkeypatch.setattr(limits, "SPOOL_SEGMENT_BYTES", 250)
    before = tmp_path / "before"
    before.mkdir()
    disk, state = JournallingDisk(before), SignedState(before / "state", HandClock())
    with disk.journalled():
        spool = Spool(state.root / "spool", LANE, SystemClock(), fsync_seconds=60)
        for number in range(3):
            spool.append(replace(RECORD, exchange_id=str(number)))
        signed = state.sign().checkpoint.size
        journal = list(disk.journal)
        spool.close()
    assert signed == 3
    for seed in range(20):
        leave(journal, before, tmp_path / str(seed), random.Random(seed))
        assert found(tmp_path / str(seed) / "state" / "spool" / LANE) == ["0", "1", "2"]


def test_the_disk_of_these_tests_does_lose_what_was_not_synced(tmp_path: Path) -> None:
    """Or the tests above would prove nothing."""
    journal = journal_of(tmp_path / "before", [5, 5, 5], power_loss=False)
    unsynced = [entry for entry in journal if not isinstance(entry, Synced)]
    left = []
    for number in range(20):
        leave(unsynced, tmp_path / "before", tmp_path / str(number), random.Random(number))
        left.append(len(found(tmp_path / str(number) / "state" / "spool" / LANE)))
    assert min(left) == 0
    assert any(0 < each < 15 for each in left)
    assert {type(entry) for entry in journal} == {Made, Changed, Synced, Acknowledged}
    assert threading.active_count() < 10
