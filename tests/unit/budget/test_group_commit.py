"""Work, its neighbours in a transaction, and its caller: none can harm the other."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from gateway_ext.budget import group_commit
from gateway_ext.budget.group_commit import GroupCommit, Work
from gateway_ext.errors import BudgetExhausted, ConfigurationError, LedgerUnavailable

Future = asyncio.Future[Any]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    with closing(sqlite3.connect(tmp_path / "test.sqlite")) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("CREATE TABLE note (text TEXT UNIQUE NOT NULL)")
    return tmp_path / "test.sqlite"


@pytest.fixture
async def writer(path: Path) -> AsyncIterator[GroupCommit]:
    writer = GroupCommit(lambda: sqlite3.connect(path, isolation_level=None))
    await writer.start()
    yield writer
    await writer.stop()


@pytest.fixture
def gate() -> Iterator[threading.Event]:
    """Keeps the writing thread inside one transaction until it is set, so that a group gathers."""
    gate = threading.Event()
    yield gate
    gate.set()


def note(text: str) -> Work[str]:
    def work(cursor: sqlite3.Cursor) -> str:
        cursor.execute("INSERT INTO note VALUES (?)", (text,))
        return text

    return work


def failing(text: str, error: Exception) -> Work[None]:
    def work(cursor: sqlite3.Cursor) -> None:
        cursor.execute("INSERT INTO note VALUES (?)", (text,))
        raise error

    return work


async def hold_up(writer: GroupCommit, gate: threading.Event) -> asyncio.Future[bool]:
    """Occupy the writing thread with a group of its own until `gate` is set."""
    entered = threading.Event()

    def work(_: sqlite3.Cursor) -> bool:
        entered.set()
        return gate.wait(10)

    future = writer.submit(work)
    await asyncio.to_thread(entered.wait, 10)
    return future


def notes(path: Path) -> list[str]:
    with closing(sqlite3.connect(path)) as connection:
        return [row[0] for row in connection.execute("SELECT text FROM note ORDER BY rowid")]


async def test_results_come_after_the_commit(path: Path, writer: GroupCommit) -> None:
    assert await writer.submit(note("a")) == "a"
    assert notes(path) == ["a"]


async def test_what_waits_is_committed_together(path: Path, writer: GroupCommit, gate: threading.Event) -> None:
    commits: list[str] = []
    await writer.submit(lambda cursor: cursor.connection.set_trace_callback(commits.append))
    first = await hold_up(writer, gate)
    group = [writer.submit(note(str(number))) for number in range(20)]
    gate.set()
    await asyncio.gather(first, *group)
    assert notes(path) == [str(number) for number in range(20)]
    assert commits.count("COMMIT") <= 3  # of the tracing itself, of the gate, of the group


async def test_a_refusal_undoes_itself_and_not_its_neighbours(
    path: Path, writer: GroupCommit, gate: threading.Event
) -> None:
    await hold_up(writer, gate)
    group: list[Future] = [
        writer.submit(note("before")),
        writer.submit(failing("refused", BudgetExhausted("no room"))),
        writer.submit(failing("bug", ValueError("secret"))),
        writer.submit(note("before")),  # breaks UNIQUE
        writer.submit(note("after")),
    ]
    gate.set()
    outcomes = await asyncio.gather(*group, return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [str, BudgetExhausted, LedgerUnavailable, LedgerUnavailable, str]
    assert "secret" not in str(outcomes[2])
    assert notes(path) == ["before", "after"]


async def test_a_lost_transaction_is_lost_for_the_whole_group_and_no_further(
    path: Path, writer: GroupCommit, gate: threading.Event
) -> None:
    def lose(cursor: sqlite3.Cursor) -> None:
        cursor.execute("ROLLBACK")  # as SQLite itself does on some errors of the disk
        raise sqlite3.OperationalError("disk I/O error")

    blocked = await hold_up(writer, gate)
    group: list[Future] = [writer.submit(note("before")), writer.submit(lose), writer.submit(note("after"))]
    gate.set()
    await blocked
    outcomes = await asyncio.gather(*group, return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [LedgerUnavailable] * 3
    assert notes(path) == []
    assert await writer.submit(note("next")) == "next"


async def test_work_of_a_cancelled_caller_is_done(path: Path, writer: GroupCommit, gate: threading.Event) -> None:
    await hold_up(writer, gate)
    abandoned = writer.submit(note("abandoned"))
    abandoned.cancel()
    gate.set()
    await writer.submit(note("next"))
    assert notes(path) == ["abandoned", "next"]


async def test_the_queue_is_bounded(
    path: Path, writer: GroupCommit, gate: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(group_commit, "LEDGER_QUEUE_MAX", 3)
    accepted: list[Future] = [await hold_up(writer, gate), writer.submit(note("a")), writer.submit(note("b"))]
    with pytest.raises(LedgerUnavailable) as refusal:
        writer.submit(note("c"))
    assert refusal.value.retry_after_seconds == 1
    gate.set()
    await asyncio.gather(*accepted)
    assert await writer.submit(note("d")) == "d"
    assert notes(path) == ["a", "b", "d"]


async def test_stopping_finishes_what_was_submitted(path: Path, writer: GroupCommit, gate: threading.Event) -> None:
    submitted: list[Future] = [
        await hold_up(writer, gate),
        *(writer.submit(note(str(number))) for number in range(600)),
    ]
    stopping = asyncio.gather(writer.stop(), writer.stop())
    await asyncio.sleep(0)
    with pytest.raises(LedgerUnavailable):
        writer.submit(note("late"))
    gate.set()
    await stopping
    assert all(future.done() for future in submitted)
    assert len(notes(path)) == 600


async def test_start_raises_what_connecting_raises() -> None:
    def connect() -> sqlite3.Connection:
        raise ConfigurationError("no such place")

    writer = GroupCommit(connect)
    with pytest.raises(ConfigurationError, match="no such place"):
        await writer.start()
    with pytest.raises(LedgerUnavailable):
        writer.submit(note("a"))
    await writer.stop()


class Overtaken(sqlite3.Connection):
    """Copies the log as it does while others go on writing: never all of it. `reader` keeps back what came last."""

    reader: sqlite3.Connection

    def execute(self, statement: str, *parameters: Any) -> sqlite3.Cursor:
        cursor = super().execute(statement, *parameters)
        if "PASSIVE" in statement:
            self.reader.rollback()
        return cursor


async def test_the_log_begins_anew_although_it_is_never_copied_whole(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(group_commit, "WAL_FRAMES_MAX", 50)
    reader = sqlite3.connect(path, check_same_thread=False)

    def connect() -> Overtaken:
        connection = sqlite3.connect(path, isolation_level=None, factory=Overtaken, check_same_thread=False)
        connection.reader = reader
        return connection

    writer = GroupCommit(connect)
    await writer.start()
    for number in range(200):
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM note").fetchone()
        await writer.submit(note(f"{number}"))
        writer.checkpoint()
        await writer.submit(lambda cursor: cursor.execute("SELECT 1"))  # then the checkpoint is over
    size_bytes = path.with_name("test.sqlite-wal").stat().st_size
    await writer.stop()
    reader.close()
    assert size_bytes < 2 * 50 * 4_120  # a page and its header
