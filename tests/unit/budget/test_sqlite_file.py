from __future__ import annotations

import sqlite3
import stat
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest

from gateway_ext.budget import sqlite_file
from gateway_ext.budget.rules import AccountLine
from gateway_ext.budget.sqlite_file import connect, connect_read_only, patiently
from gateway_ext.budget.sqlite_ledger import SqliteLedger
from gateway_ext.errors import BudgetExhausted, ConfigurationError
from gateway_ext.exchange import Usage
from tests.unit.budget.reservations import FixedClock, assert_books_balance, reservation


def pragma(connection: sqlite3.Connection, name: str) -> object:
    return connection.execute(f"PRAGMA {name}").fetchone()[0]


def test_the_file_is_private_and_in_wal_mode(tmp_path: Path) -> None:
    path = tmp_path / "new" / "ledger.sqlite"
    with closing(connect(path)) as connection:
        assert (pragma(connection, "journal_mode"), pragma(connection, "synchronous")) == ("wal", 1)
        modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in path.parent.iterdir()}
    assert modes == dict.fromkeys(("ledger.sqlite", "ledger.sqlite-wal", "ledger.sqlite-shm"), 0o600)
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_processes_may_create_it_at_the_same_time(tmp_path: Path) -> None:
    together = threading.Barrier(8)

    def create(_: int) -> int:
        together.wait(5)
        with closing(connect(tmp_path / "ledger.sqlite")) as connection:
            return int(connection.execute("SELECT count(*) FROM account").fetchone()[0])

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(create, range(8))) == [0] * 8


def test_a_ledger_of_another_version_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA user_version = 99")
    with pytest.raises(ConfigurationError, match="version 99"):
        connect(path)
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT count(*) FROM sqlite_master").fetchone() == (0,)


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ConfigurationError, match=r"file/ledger\.sqlite: the ledger cannot be opened"):
        connect(tmp_path / "file" / "ledger.sqlite")


def test_readers_cannot_write(tmp_path: Path) -> None:
    path = tmp_path / "50% ledger?.sqlite"
    connect(path).close()
    with closing(connect_read_only(path)) as connection, pytest.raises(sqlite3.OperationalError, match="readonly"):
        connection.execute("DELETE FROM hold")


def test_patience_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite_file, "BUSY_SECONDS", 0.01)
    with closing(connect(tmp_path / "ledger.sqlite")) as one, closing(connect(tmp_path / "ledger.sqlite")) as other:
        one.execute("BEGIN IMMEDIATE")
        with pytest.raises(sqlite3.OperationalError, match="locked"):
            patiently(partial(other.execute, "BEGIN IMMEDIATE"))
        one.execute("COMMIT")
        patiently(partial(other.execute, "BEGIN IMMEDIATE"))


def test_patience_is_for_locks_only(tmp_path: Path) -> None:
    attempts: list[None] = []

    def attempt() -> None:
        attempts.append(None)
        sqlite3.connect(":memory:").execute("SELECT * FROM nowhere")

    with pytest.raises(sqlite3.OperationalError, match="nowhere"):
        patiently(attempt)
    assert len(attempts) == 1


def test_a_second_connection_of_a_process_leaves_the_locks_of_the_first(tmp_path: Path) -> None:
    """Or another process would think itself the last one, and delete the write-ahead log from under both."""
    path = tmp_path / "ledger.sqlite"
    program = "import sqlite3, sys; c = sqlite3.connect(sys.argv[1]); c.execute('SELECT * FROM hold'); c.close()"
    with closing(connect(path)), closing(connect(path)):
        subprocess.run([sys.executable, "-c", program, path], check=True)
        assert (tmp_path / "ledger.sqlite-wal").exists()


async def test_a_ledger_of_the_first_version_is_taken_over(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript((Path(__file__).parent / "ledger_before_price_book.sql").read_text())
    ledger = SqliteLedger(path, FixedClock())
    await ledger.open()
    line = AccountLine("user", "per-user", 1_000, budget="EUR/per-user/user/ada")  # 60 are held of it, 187 spent
    assert (await ledger.reserve(reservation("h2", 753, line))).amount_nano == 753
    with pytest.raises(BudgetExhausted):
        await ledger.reserve(reservation("h3", 1, line))
    settled = await ledger.post("open", Usage(5, 5), "eu/model", "access_log")
    assert settled is not None
    assert settled.cost_nano == 10
    await ledger.close()
    assert_books_balance(path)


def test_processes_may_take_it_over_at_the_same_time(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript((Path(__file__).parent / "ledger_before_price_book.sql").read_text())
    together = threading.Barrier(8)

    def take_over(_: int) -> int:
        together.wait(5)
        with closing(connect(path)) as connection:
            return int(connection.execute("SELECT carried_nano FROM account").fetchone()[0])

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(take_over, range(8))) == [0] * 8
