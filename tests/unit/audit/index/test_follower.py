import asyncio
import logging
from pathlib import Path

import pytest

from gateway_ext.audit.archive import archive_segment
from gateway_ext.audit.filters import Filter
from gateway_ext.audit.index import follower as module
from gateway_ext.audit.index.follower import Follower
from gateway_ext.audit.index.reading import Logs
from gateway_ext.audit.index.sqlite_index import SqliteIndex
from gateway_ext.audit.index.store import Chunk, IndexUnavailableError, LogPosition
from gateway_ext.audit.segments import segment_path
from tests.unit.audit.index.index_contract import ids
from tests.unit.audit.index.recorded import decision, event, outcome
from tests.unit.audit.index.segment_files import erase, write

ALL = Filter()


@pytest.fixture
def spool(tmp_path: Path) -> Path:
    return tmp_path / "spool"


@pytest.fixture
def index(tmp_path: Path) -> SqliteIndex:
    return SqliteIndex(tmp_path / "audit-index.sqlite")


@pytest.fixture
def logs(tmp_path: Path) -> Logs:
    return Logs(tmp_path / "spool", tmp_path / "archive", "gateway")


@pytest.fixture
def follower(index: SqliteIndex, logs: Logs, monkeypatch: pytest.MonkeyPatch) -> Follower:
    for name in ("POLL_SECONDS", "PRUNE_SECONDS", "RETRY_SECONDS"):
        monkeypatch.setattr(module, name, 0.01)
    return Follower(index, logs)


async def until(index: SqliteIndex, expected: list[str]) -> None:
    async with asyncio.timeout(10):
        while await ids(index, ALL) != expected:  # noqa: ASYNC110  (the follower tells nobody)
            await asyncio.sleep(0.01)


async def test_processes_that_start_later_and_records_that_retention_erases(
    index: SqliteIndex, follower: Follower, spool: Path, tmp_path: Path
) -> None:
    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(follower.run())
        write(spool / "p0", 1, event(decision("e1"), 1), event(decision("e2"), 2))
        await until(index, ["e2", "e1"])
        write(spool / "p1", 1, event(outcome("e1"), 3), event(decision("e4"), 4))
        write(spool / "p0", 2, event(decision("e3"), 5))
        await until(index, ["e3", "e4", "e2", "e1"])
        archive = tmp_path / "archive" / "p0"
        archive.parent.mkdir(exist_ok=True)
        archive_segment(spool / "p0", archive, 1)
        erase(segment_path(archive, 1), [1])
        await until(index, ["e3", "e4", "e1"])
        segment_path(archive, 1).unlink()
        await until(index, ["e3", "e4", "e1"])  # of the last one only the outcome is left
        write(spool / "p1", 2)
        segment_path(spool / "p1", 1).unlink()
        await until(index, ["e3"])
        task.cancel()


async def test_two_followers_and_a_restart_count_each_record_once(
    index: SqliteIndex, logs: Logs, spool: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "RECORDS_AT_ONCE", 7)
    write(spool / "p0", 1, *(event(decision(f"e{number}"), number) for number in range(1, 60)))
    others = [Follower(index, Logs(spool, tmp_path / "archive", "gateway")) for _ in range(3)]
    await asyncio.gather(*(each.catch_up() for each in (Follower(index, logs), *others)))
    status = await index.status()
    assert (status.entries, status.records) == (59, 59)
    assert status.positions == {"gateway/p0": LogPosition(1, 59, 59)}


async def test_only_logs_that_have_grown_are_read(
    index: SqliteIndex, logs: Logs, spool: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[str] = []
    next_chunk = Logs.next_chunk

    def noted(self: Logs, log: str, position: LogPosition, records_max: int) -> Chunk:
        read.append(log)
        return next_chunk(self, log, position, records_max)

    monkeypatch.setattr(Logs, "next_chunk", noted)
    follower = Follower(index, logs)
    for process in ("p0", "p1"):
        write(spool / process, 1, event(decision(process), 1))
    await follower.catch_up()
    assert set(read) == {"gateway/p0", "gateway/p1"}
    read.clear()
    await follower.catch_up()
    assert read == []
    write(spool / "p1", 2, event(decision("e2"), 2))
    await follower.catch_up()
    assert set(read) == {"gateway/p1"}
    assert set(await ids(index, ALL)) == {"e2", "p1", "p0"}


async def test_an_index_that_somebody_has_emptied_is_filled_again(
    index: SqliteIndex, follower: Follower, spool: Path
) -> None:
    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(follower.run())
        write(spool / "p0", 1, event(decision("e1"), 1), event(decision("e2"), 2))
        await until(index, ["e2", "e1"])
        await index.clear()
        await until(index, ["e2", "e1"])
        task.cancel()


@pytest.mark.parametrize("trouble", [IndexUnavailableError("the server is away"), OverflowError("the server is away")])
async def test_an_outage_is_told_of_once_and_stops_nothing(
    trouble: Exception,
    index: SqliteIndex,
    follower: Follower,
    spool: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    refusals = 5
    add = SqliteIndex.add

    async def away(self: SqliteIndex, log: str, before: LogPosition, chunk: Chunk) -> bool:
        nonlocal refusals
        refusals -= 1
        if refusals >= 0:
            raise trouble
        return await add(self, log, before, chunk)

    monkeypatch.setattr(SqliteIndex, "add", away)
    write(spool / "p0", 1, event(decision("e1"), 1))
    with caplog.at_level(logging.WARNING):
        async with asyncio.TaskGroup() as tasks:
            task = tasks.create_task(follower.run())
            async with asyncio.timeout(10):
                while "followed again" not in caplog.text:  # noqa: ASYNC110  (as above)
                    await asyncio.sleep(0.01)
            task.cancel()
    assert await ids(index, ALL) == ["e1"]
    assert caplog.text.count("not followed now") == 1


async def test_a_damaged_index_is_made_anew(
    index: SqliteIndex, follower: Follower, spool: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    write(spool / "p0", 1, event(decision("e1"), 1))
    (tmp_path / "audit-index.sqlite").write_bytes(b"no database" * 1_000)
    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(follower.run())
        async with asyncio.timeout(10):
            while "made anew" not in caplog.text:  # noqa: ASYNC110  (as above)
                await asyncio.sleep(0.01)
        await until(index, ["e1"])
        task.cancel()
