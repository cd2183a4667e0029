"""The contract on SQLite, and what only several processes, a full disk or a lock can do to it."""

from __future__ import annotations

import asyncio
import os
import shutil
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import pytest

from gateway_ext.budget import sqlite_file
from gateway_ext.budget.sqlite_ledger import SqliteLedger
from gateway_ext.budget.status import read_accounts
from gateway_ext.errors import ConfigurationError, LedgerUnavailable
from gateway_ext.exchange import Hold, Usage
from tests.unit.budget.ledger_contract import Balances, LedgerContract
from tests.unit.budget.ledger_worker import LIMIT
from tests.unit.budget.reservations import NOW, TTL, FixedClock, assert_books_balance, hold_states, reservation

ROOT = Path(__file__).parents[3]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "ledger.sqlite"


@pytest.fixture
async def ledger(path: Path) -> AsyncIterator[SqliteLedger]:
    ledger = SqliteLedger(path, FixedClock())
    await ledger.open()
    yield ledger
    await ledger.close()
    assert_books_balance(path)


@pytest.fixture
def balances(path: Path) -> Balances:
    return lambda: {account.key: (account.held_nano, account.posted_nano) for account in read_accounts(path)}


class TestSqliteLedger(LedgerContract):
    """All of the contract, and after each test the books balance."""


async def test_the_books_survive_closing(path: Path, ledger: SqliteLedger) -> None:
    await ledger.reserve(reservation("h1", 60))
    await ledger.close()
    reopened = SqliteLedger(path, FixedClock())
    await reopened.open()
    settled = await reopened.post("h1", Usage(10, 0), "eu/model", "test")
    await reopened.close()
    assert settled is not None
    assert settled.cost_nano == 10


async def test_a_closed_ledger_is_unavailable(ledger: SqliteLedger) -> None:
    await ledger.close()
    await ledger.close()
    with pytest.raises(LedgerUnavailable):
        await ledger.reserve(reservation("h1", 1))


async def test_a_removed_file_is_not_spent_from(path: Path, ledger: SqliteLedger) -> None:
    """The open file is still there for this process, but for no other one."""
    away = path.with_name("away")
    os.replace(path, away)
    with pytest.raises(LedgerUnavailable):
        await ledger.reserve(reservation("h1", 1))
    shutil.copyfile(__file__, path)
    with pytest.raises(LedgerUnavailable):
        await ledger.expire(NOW)
    os.replace(away, path)
    assert (await ledger.reserve(reservation("h1", 1))).amount_nano == 1


async def test_a_settled_hold_keeps_what_reports_need(path: Path, ledger: SqliteLedger) -> None:
    await ledger.reserve(reservation("h1", 60))
    await ledger.post("h1", Usage(20, 5, 8, is_estimated=True), "eu/model", "response", ("client_aborted",))
    with closing(sqlite3.connect(path)) as connection:
        connection.row_factory = sqlite3.Row
        row = dict(connection.execute("SELECT * FROM hold").fetchone())
    del row["prices"]
    assert row == {
        "id": "h1",
        "state": "posted",
        "amount_nano": 60,
        "currency": "EUR",
        "accounts": '["user"]',
        "subject": "ada@example.com",
        "team": "engines",
        "business_unit": "works",
        "project": "p1",
        "application": "",
        "environment": "",
        "cost_center": "4711",
        "credential_id": "",
        "agent_run": "",
        "model": "large",
        "input_tokens_max": 100,
        "output_tokens_max": 10,
        "created_unix_nano": NOW,
        "expires_unix_nano": NOW + TTL,
        "settled_unix_nano": NOW,
        "cost_nano": 17,
        "cluster": "eu/model",
        "input_tokens": 20,
        "output_tokens": 5,
        "cached_input_tokens": 8,
        "usage_is_estimated": 1,
        "settled_by": "response",
        "flags": '["client_aborted", "usage_estimated"]',
        "usage_details": "{}",
        "quotas": "[]",
    }


def run_workers(mode: str, path: Path, count: int, processes: int) -> list[int]:
    """Start together, return what each printed."""
    workers = [
        subprocess.Popen(
            [sys.executable, "-m", "tests.unit.budget.ledger_worker", mode, str(path), f"p{number}-", str(count)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
        )
        for number in range(processes)
    ]
    for worker in workers:
        assert worker.stdout is not None
        assert worker.stdout.readline() == "ready\n"
    for worker in workers:
        assert worker.stdin is not None
        worker.stdin.write("\n")
        worker.stdin.flush()
    return [int(worker.communicate(timeout=60)[0]) for worker in workers]


def test_two_processes_share_the_last_cent_exactly(path: Path) -> None:
    granted = run_workers("reserve", path, count=500, processes=2)
    assert sum(granted) == LIMIT
    (account,) = read_accounts(path)
    assert (account.held_nano, account.posted_nano, account.left_nano) == (LIMIT, 0, 0)
    assert_books_balance(path)


def test_no_write_is_lost_between_processes(path: Path) -> None:
    assert run_workers("cycle", path, count=300, processes=3) == [300, 300, 300]
    (account,) = read_accounts(path)
    assert (account.held_nano, account.posted_nano) == (0, 900)
    assert_books_balance(path)


async def test_holds_of_a_killed_process_are_recovered(path: Path) -> None:
    assert run_workers("die", path, count=20, processes=1) == [20]
    held = {hold_id for hold_id, state in hold_states(path).items() if state == "held"}
    assert {f"p0-{number}" for number in range(20)} <= held
    assert_books_balance(path)

    ledger = SqliteLedger(path, FixedClock())
    await ledger.open()
    settled = await ledger.expire(NOW + TTL)
    late = await ledger.post("p0-0", Usage(0, 0), "eu/model", "access_log")
    await ledger.close()
    assert {one.hold_id for one in settled} == held
    assert {one.flags for one in settled} == {("recovered", "usage_estimated")}
    assert late is not None
    assert late.flags == ("corrected",)
    (account,) = read_accounts(path)
    assert (account.held_nano, account.posted_nano) == (0, len(held) - 1)
    assert_books_balance(path)


async def test_no_write_is_lost_in_a_storm_of_locks(path: Path, ledger: SqliteLedger) -> None:
    over = threading.Event()

    def storm() -> None:
        with closing(sqlite3.connect(path, timeout=5, isolation_level=None)) as other:
            while not over.is_set():
                other.execute("BEGIN IMMEDIATE")
                time.sleep(0.01)
                other.execute("COMMIT")
                time.sleep(0.001)

    async def cycle(number: int) -> None:
        await ledger.reserve(reservation(f"h{number}", 1))
        await ledger.post(f"h{number}", Usage(1, 0), "eu/model", "test")

    thread = threading.Thread(target=storm)
    thread.start()
    try:
        for first in range(0, 200, 20):
            await asyncio.gather(*map(cycle, range(first, first + 20)))
    finally:
        over.set()
        thread.join()
    (account,) = read_accounts(path)
    assert (account.held_nano, account.posted_nano) == (0, 200)


async def test_a_lock_held_too_long_refuses_all_that_wait_and_does_nothing(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite_file, "BUSY_SECONDS", 0.1)
    ledger = SqliteLedger(path, FixedClock())
    await ledger.open()
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        began = time.monotonic()
        outcomes = await asyncio.gather(
            *(ledger.reserve(reservation(f"h{number}", 1)) for number in range(50)), return_exceptions=True
        )
        waited_seconds = time.monotonic() - began
    assert {type(outcome) for outcome in outcomes} == {LedgerUnavailable}
    assert waited_seconds < 2  # together, not one after the other
    assert hold_states(path) == {}
    assert await ledger.reserve(reservation("h0", 1)) == Hold("h0", 1, "EUR")
    await ledger.close()


async def test_a_full_disk_refuses_and_leaves_the_books_right(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def connect_small(path: Path) -> sqlite3.Connection:
        connection = sqlite_file.connect(path)
        connection.execute("PRAGMA max_page_count = 24")
        return connection

    monkeypatch.setattr("gateway_ext.budget.sqlite_ledger.connect", connect_small)
    ledger = SqliteLedger(path, FixedClock())
    await ledger.open()
    outcomes = await asyncio.gather(
        *(ledger.reserve(reservation(f"h{number}", 1)) for number in range(600)), return_exceptions=True
    )
    refused = [outcome for outcome in outcomes if not isinstance(outcome, Hold)]
    assert refused
    assert {type(outcome) for outcome in refused} == {LedgerUnavailable}
    assert {outcome.id for outcome in outcomes if isinstance(outcome, Hold)} == set(hold_states(path))
    assert_books_balance(path)
    await ledger.close()

    monkeypatch.undo()
    ledger = SqliteLedger(path, FixedClock())
    await ledger.open()
    assert await ledger.reserve(reservation("h599", 1)) == Hold("h599", 1, "EUR")
    await ledger.close()
    assert_books_balance(path)


async def test_a_damaged_ledger_is_unavailable(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    ledger = SqliteLedger(path, FixedClock())
    await ledger.open()
    with closing(sqlite3.connect(path)) as other:
        other.execute("DROP TABLE account")
    with pytest.raises(LedgerUnavailable):
        await ledger.reserve(reservation("h1", 1))
    assert hold_states(path) == {}
    await ledger.close()


async def test_a_ledger_that_cannot_be_opened_says_why(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    path.write_bytes(b"this is not a database" * 100)
    ledger = SqliteLedger(path, FixedClock())
    with pytest.raises(
        ConfigurationError, match=r"ledger\.sqlite: the ledger cannot be opened \(file is not a database"
    ):
        await ledger.open()
    with pytest.raises(LedgerUnavailable):
        await ledger.reserve(reservation("h1", 1))
    await ledger.close()
