"""The console's own store: private, made anew when it is lost or of another version, whole or not at all."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from gateway_ext.console.store import ConsoleStore
from gateway_ext.errors import ConfigurationError

INSERT = "INSERT INTO repeated (id, fingerprint, begun_unix) VALUES (x'01', x'02', 3)"


def rows(store: ConsoleStore) -> int:
    with store.transaction() as connection:
        count: int = connection.execute("SELECT count(*) FROM repeated").fetchone()[0]
        return count


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "console.sqlite"


def test_it_is_made_when_it_is_needed_for_us_alone(path: Path) -> None:
    with ConsoleStore(path).transaction() as connection:
        connection.execute(INSERT)
        assert {file.stat().st_mode & 0o777 for file in path.parent.iterdir()} == {0o600}
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert rows(ConsoleStore(path)) == 1


def test_what_fails_has_not_happened(path: Path) -> None:
    store = ConsoleStore(path)

    def insert_twice() -> None:
        with store.transaction() as connection:
            connection.execute(INSERT)
            connection.execute(INSERT)

    with pytest.raises(ConfigurationError, match="UNIQUE"):
        insert_twice()
    assert rows(store) == 0


def test_lost_it_begins_empty(path: Path) -> None:
    store = ConsoleStore(path)
    with store.transaction() as connection:
        connection.execute(INSERT)
    for file in path.parent.iterdir():
        file.unlink()
    assert rows(store) == 0


def test_one_of_another_version_begins_empty(path: Path) -> None:
    store = ConsoleStore(path)
    with store.transaction() as connection:
        connection.execute(INSERT)
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE of_another_version (id INTEGER PRIMARY KEY AUTOINCREMENT)")
        connection.execute("PRAGMA user_version = 99")
    connection.close()
    assert rows(store) == 0
    with store.transaction() as connection:
        tables = connection.execute("SELECT name FROM sqlite_schema WHERE name = 'of_another_version'").fetchall()
    assert tables == []


def test_one_that_cannot_be_used_says_what_to_do(path: Path) -> None:
    path.parent.mkdir()
    path.write_bytes(b"no database at all, but long enough to be looked at" * 10)
    with pytest.raises(ConfigurationError, match="It may be deleted"):
        rows(ConsoleStore(path))
