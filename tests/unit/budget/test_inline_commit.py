from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway_ext.budget.inline_commit import InlineCommit
from gateway_ext.errors import BudgetExhausted


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "some.sqlite"
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("CREATE TABLE t (x INTEGER)")
    connection.close()
    return path


@pytest.fixture
def inline(path: Path) -> Iterator[InlineCommit]:
    inline = InlineCommit(sqlite3.connect(path, timeout=0, isolation_level=None))
    yield inline
    inline.close()


def insert(cursor: sqlite3.Cursor) -> str:
    cursor.execute("INSERT INTO t VALUES (1)")
    return "done"


def rows(path: Path) -> int:
    connection = sqlite3.connect(path)
    (count,) = connection.execute("SELECT count(*) FROM t").fetchone()
    connection.close()
    return int(count)


def test_work_is_committed_at_once(inline: InlineCommit, path: Path) -> None:
    assert inline.attempt(insert) == "done"
    assert rows(path) == 1


def test_a_locked_file_is_not_waited_for(inline: InlineCommit, path: Path) -> None:
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    assert inline.attempt(insert) is None
    other.execute("COMMIT")
    other.close()
    assert rows(path) == 0
    assert inline.attempt(insert) == "done"


def test_a_refusal_is_the_answer_and_undoes_what_was_begun(inline: InlineCommit, path: Path) -> None:
    def refuse(cursor: sqlite3.Cursor) -> str:
        insert(cursor)
        raise BudgetExhausted

    with pytest.raises(BudgetExhausted):
        inline.attempt(refuse)
    assert rows(path) == 0


@pytest.mark.parametrize("error", [sqlite3.OperationalError("disk full"), ValueError("anything")])
def test_any_other_failure_leaves_it_to_the_thread(inline: InlineCommit, path: Path, error: Exception) -> None:
    def fail(cursor: sqlite3.Cursor) -> str:
        insert(cursor)
        raise error

    assert inline.attempt(fail) is None
    assert rows(path) == 0
    assert inline.attempt(insert) == "done", "it is usable afterwards"
