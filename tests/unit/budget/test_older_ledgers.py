"""A ledger that was written before there was a price book is opened, settled and corrected as if nothing had changed."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from gateway_ext.budget.prices import Price
from gateway_ext.budget.reports.sqlite_usage import SqliteUsage
from gateway_ext.budget.reports.usage import Dimension, UsageQuery
from gateway_ext.budget.sqlite_file import connect
from gateway_ext.budget.sqlite_ledger import SqliteLedger
from gateway_ext.budget.sqlite_schema import MIGRATIONS, SCHEMA, SCHEMA_VERSION
from gateway_ext.budget.sqlite_spending import SqliteSpending
from gateway_ext.budget.status import read_accounts
from gateway_ext.exchange import Usage
from tests.unit.budget.reservations import NOW, TTL, FixedClock, assert_books_balance, reservation

# Made by the program of that time: three holds, of which one is open, one estimated and one reported.
OLD = Path(__file__).with_name("ledger_before_price_book.sql")
RUN = ",\n  agent_run TEXT NOT NULL DEFAULT ''"
RICH = Usage(30, 9, 4, cache_write_tokens=6, cache_write_1h_tokens=2, reasoning_tokens=5, served_ns=70)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "ledger.sqlite"
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(OLD.read_text())
    return path


@pytest.fixture
async def ledger(path: Path) -> AsyncIterator[SqliteLedger]:
    ledger = SqliteLedger(path, FixedClock())
    await ledger.open()
    yield ledger
    await ledger.close()


async def test_an_open_hold_settles_at_the_price_it_was_made_with(path: Path, ledger: SqliteLedger) -> None:
    settled = await ledger.post("open", Usage(10, 5), "eu/model", "access_log")
    assert settled is not None
    assert (settled.is_first, settled.cost_nano, settled.flags) == (True, 15, ())
    assert_books_balance(path)


async def test_an_estimate_is_corrected_and_a_report_is_final(path: Path, ledger: SqliteLedger) -> None:
    corrected = await ledger.post("estimated", RICH, "eu/model", "access_log")
    repeated = await ledger.post("reported", Usage(1, 1), "us/model", "access_log")
    assert corrected is not None
    assert (corrected.usage, corrected.cost_nano, corrected.flags) == (RICH, 30 - 4 + 9, ("corrected",))
    assert repeated is not None
    assert (repeated.is_first, repeated.usage, repeated.cost_nano) == (False, Usage(20, 5, 8), 170)
    assert_books_balance(path)


async def test_an_open_hold_expires(path: Path, ledger: SqliteLedger) -> None:
    (expired,) = await ledger.expire(NOW + TTL)
    assert (expired.hold_id, expired.cost_nano) == ("open", 60)
    assert_books_balance(path)


async def test_new_prices_and_kinds_are_kept_beside_the_old_ones(path: Path, ledger: SqliteLedger) -> None:
    price = Price(1_000_000, 1_000_000, 0, cache_write_rate=2_000_000, per_second_nano=10, numerator=2)
    await ledger.reserve(reservation("new", 600, prices={"eu/model": price}))
    first = await ledger.post("new", RICH, "eu/model", "access_log")
    again = await ledger.post("new", RICH, "eu/model", "access_log")
    assert first is not None
    assert again is not None
    assert first.cost_nano == again.cost_nano == 2 * (20 + 12 + 9) + 1
    assert again.usage == RICH
    assert_books_balance(path)


def test_opening_it_again_changes_nothing_more(path: Path) -> None:
    for _ in range(2):
        connect(path).close()
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (SCHEMA_VERSION,)
        assert connection.execute("SELECT count(*) FROM hold").fetchone() == (3,)


async def test_one_of_the_version_before_learns_of_runs(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(f"{MIGRATIONS[1]} {SCHEMA.replace(RUN, '')} PRAGMA user_version = 2")
        assert ("agent_run",) not in connection.execute("SELECT name FROM pragma_table_info('hold')").fetchall()
    ledger = SqliteLedger(path, FixedClock())
    await ledger.open()
    asked = reservation("new", 5)
    await ledger.reserve(replace(asked, payer=replace(asked.payer, agent_run="run-1")))
    await ledger.close()
    query = UsageQuery(0, NOW + 1, (Dimension.AGENT_RUN,))
    found = SqliteUsage(path).groups(query, lambda _: None)
    assert {group.values[0]: figures.open_requests for group, figures in found.items()} == {"": 1, "run-1": 1}


def test_its_accounts_can_be_read_before_it_is_opened(path: Path) -> None:
    (user,) = read_accounts(path)
    assert (user.key, user.limit_nano, user.held_nano, user.posted_nano, user.carried_nano) == (
        "user",
        1_000,
        60,
        187,
        0,
    )
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (1,)  # reading changes nothing


async def test_it_has_neither_top_ups_nor_quotas_before_it_is_opened(path: Path) -> None:
    spending = SqliteSpending(path)
    assert (await spending.top_ups(0), await spending.quotas()) == ([], {})
