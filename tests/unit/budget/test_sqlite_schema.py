from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing

import pytest

from gateway_ext.budget import sqlite_schema as sql


@pytest.fixture
def connection() -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.executescript(sql.SCHEMA)
        yield connection


@pytest.mark.parametrize(
    "statement",
    [
        sql.TAKE,
        sql.TAKE_ROLLING,
        sql.TAKE_ANYWAY,
        sql.HAS_ACCOUNT,
        sql.HAND_OVER,
        sql.MOVE,
        sql.SELECT_HOLD,
        sql.CLOSE_HOLD,
        sql.SELECT_EXPIRED,
        sql.SETTLE_QUOTA,
        sql.SELECT_QUOTA,
    ],
)
def test_no_statement_reads_a_whole_table_or_sorts(connection: sqlite3.Connection, statement: str) -> None:
    numbered = [int(number) for number in re.findall(r"\?(\d)", statement)]
    parameters = [None] * max(numbered, default=statement.count("?"))
    plan = [row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {statement}", parameters)]
    assert plan
    plan = [step for step in plan if "SUBQUERY" not in step and "json_each" not in step and step != "SCAN CONSTANT ROW"]
    assert all("USING" in step and "SCAN" not in step and "TEMP B-TREE" not in step for step in plan), plan


@pytest.mark.parametrize("column", ["held_nano", "posted_nano"])
def test_an_account_cannot_become_negative(connection: sqlite3.Connection, column: str) -> None:
    connection.execute(sql.OPEN_ACCOUNT, ("user", "per-user", 10, None, 0))
    with pytest.raises(sqlite3.IntegrityError, match=column):
        connection.execute(f"UPDATE account SET {column} = -1")


@pytest.mark.parametrize("value", [2**63 - 1, 1.5])
def test_an_account_cannot_overflow_or_hold_fractions(connection: sqlite3.Connection, value: float) -> None:
    connection.execute("INSERT INTO account (key, rule, limit_nano, held_nano) VALUES ('user', 'r', 10, 1)")
    with pytest.raises(sqlite3.Error):
        connection.execute("UPDATE account SET held_nano = held_nano + ?", (value,))
    assert connection.execute("SELECT held_nano FROM account").fetchone() == (1,)
