"""How the contract is kept: what one call costs in statements, and what it leaves behind when it fails."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace

import pytest

from gateway_ext.budget import sqlite_books as books
from gateway_ext.budget.quotas import QuotaLine
from gateway_ext.budget.rules import AccountLine
from gateway_ext.budget.settle import POSTED, Closing
from gateway_ext.budget.sqlite_schema import SCHEMA
from gateway_ext.errors import BudgetExhausted
from gateway_ext.exchange import Usage
from gateway_ext.quota import Unit
from tests.unit.budget.reservations import NOW, reservation

USER, TEAM = AccountLine("user", "per-user", 1_000), AccountLine("team", "per-team", 100)


@pytest.fixture
def cursor() -> Iterator[sqlite3.Cursor]:
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        connection.executescript(SCHEMA)
        yield connection.cursor()


def test_the_hot_path_is_three_statements_to_reserve_and_four_to_post(cursor: sqlite3.Cursor) -> None:
    books.reserve(cursor, reservation("warm", 1, USER, TEAM))
    statements: list[str] = []
    cursor.connection.set_trace_callback(statements.append)
    books.reserve(cursor, reservation("h1", 1, USER, TEAM))
    assert len(statements) == 3
    statements.clear()
    said = Closing(POSTED, Usage(1, 0), "eu/model", "test", ())
    books.settle(cursor, [("h1", said)], NOW)
    assert len(statements) == 4


def test_what_ends_together_moves_each_account_once(cursor: sqlite3.Cursor) -> None:
    ids = [f"h{position}" for position in range(5)]
    for each in ids:
        books.reserve(cursor, reservation(each, 1, USER, TEAM))
    statements: list[str] = []
    cursor.connection.set_trace_callback(statements.append)
    settled = books.settle(cursor, [(each, Closing(POSTED, Usage(1, 0), "eu/model", "test", ())) for each in ids], NOW)
    assert len(statements) == 2 * len(ids) + 2
    cursor.connection.set_trace_callback(None)
    spent = sum(each.cost_nano for each in settled if each is not None)
    assert cursor.execute("SELECT held_nano, posted_nano FROM account").fetchall() == [(0, spent)] * 2


def test_each_quota_is_one_statement_more_and_only_what_is_held_has_one_at_the_end(cursor: sqlite3.Cursor) -> None:
    requests = QuotaLine("requests", "requests", Unit.REQUESTS, 10, 60, 1)
    tokens = QuotaLine("tokens", "tokens", Unit.TOKENS, 1_000, 60, 100)
    statements: list[str] = []
    books.reserve(cursor, reservation("warm", 1, USER, TEAM))
    cursor.connection.set_trace_callback(statements.append)
    books.reserve(cursor, replace(reservation("h1", 1, USER, TEAM), quotas=(requests, tokens)))
    assert len(statements) == 5
    statements.clear()
    books.settle(cursor, [("h1", Closing(POSTED, Usage(1, 0), "eu/model", "test", ()))], NOW)
    assert len(statements) == 5


def test_a_failed_reservation_is_undone_by_the_caller_s_rollback(cursor: sqlite3.Cursor) -> None:
    cursor.execute("BEGIN")
    with pytest.raises(BudgetExhausted):
        books.reserve(cursor, reservation("h1", 101, USER, TEAM))
    cursor.execute("ROLLBACK")
    assert cursor.execute("SELECT (SELECT count(*) FROM hold), (SELECT count(*) FROM account)").fetchone() == (0, 0)


def test_the_first_rule_without_room_is_named(cursor: sqlite3.Cursor) -> None:
    with pytest.raises(BudgetExhausted, match="'per-team'"):
        books.reserve(cursor, reservation("h1", 101, TEAM, USER))
