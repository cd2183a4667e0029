from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from gateway_ext.sqlite_remains import remove_remains

SECRET = "a-name-that-was-deleted"


def bytes_of(path: Path) -> bytes:
    return b"".join(each.read_bytes() for each in path.parent.glob(f"{path.name}*"))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "some.sqlite"
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA secure_delete = OFF")
        connection.execute("CREATE TABLE t (name TEXT)")
        connection.executemany("INSERT INTO t VALUES (?)", [(f"{SECRET}-{n}",) for n in range(500)])
        connection.execute("INSERT INTO t VALUES ('who stays')")
    return path


def test_deleted_rows_are_in_no_page_and_no_log(path: Path) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as other:  # a process that has the file open
        other.execute("DELETE FROM t WHERE name LIKE ?", (f"{SECRET}%",))
        assert SECRET.encode() in bytes_of(path)
        remove_remains(path)
        assert SECRET.encode() not in bytes_of(path)
        assert other.execute("SELECT name FROM t").fetchall() == [("who stays",)]
    assert SECRET.encode() not in bytes_of(path)


def test_it_says_when_others_do_not_let_go(path: Path) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN")
        other.execute("SELECT * FROM t").fetchone()
        with pytest.raises(sqlite3.OperationalError):
            remove_remains(path, busy_seconds=0.05)
