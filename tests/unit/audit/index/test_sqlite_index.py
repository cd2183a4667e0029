"""The contract on SQLite, and files that are damaged, lost or of others."""

from __future__ import annotations

import sqlite3
import stat
from contextlib import closing
from pathlib import Path

import pytest

from gateway_ext.audit.index.sqlite_index import SqliteIndex
from gateway_ext.audit.index.store import IndexDamagedError, IndexUnavailableError
from tests.unit.audit.index.index_contract import ALL, IndexContract, ids
from tests.unit.audit.index.recorded import Log, decision, event


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "audit-index.sqlite"


@pytest.fixture
def index(path: Path) -> SqliteIndex:
    return SqliteIndex(path)


class TestSqliteIndex(IndexContract):
    pass


async def test_only_its_owner_may_read_it(index: SqliteIndex, path: Path) -> None:
    await Log(index).write(event(decision("e1"), 1))
    modes = {each.name: stat.S_IMODE(each.stat().st_mode) for each in path.parent.iterdir()}
    assert set(modes.values()) == {0o600}


@pytest.fixture
def damaged(path: Path) -> None:
    path.write_bytes(b"no database" * 1_000)


@pytest.mark.usefixtures("damaged")
async def test_a_damaged_file_is_told_of_and_can_be_begun_anew(index: SqliteIndex) -> None:
    with pytest.raises(IndexDamagedError, match="damaged"):
        await index.position("gateway/p0")
    await index.clear()
    await Log(index).write(event(decision("e1"), 1))
    assert await ids(index, ALL) == ["e1"]


async def test_another_version_is_begun_anew(index: SqliteIndex, path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA user_version = 99")
    with pytest.raises(IndexDamagedError, match="version 99"):
        await index.generation()
    await index.clear()
    assert await ids(index, ALL) == []


async def test_a_lost_file_is_an_empty_index(index: SqliteIndex, path: Path) -> None:
    await Log(index).write(event(decision("e1"), 1))
    for each in path.parent.iterdir():
        each.unlink()
    assert await ids(index, ALL) == []


async def test_a_path_that_cannot_be_used(tmp_path: Path) -> None:
    with pytest.raises(IndexUnavailableError, match="cannot be"):
        await SqliteIndex(tmp_path / "absent" / "index.sqlite").generation()
