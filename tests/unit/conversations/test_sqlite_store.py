from __future__ import annotations

import asyncio
import logging
import shutil
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway_ext.conversations import sqlite_file, sqlite_store
from gateway_ext.conversations.sqlite_store import SqliteConversations, prune
from gateway_ext.errors import ConversationsUnavailable
from gateway_ext.limits import NANO
from gateway_ext.witnessed.store import marker_path

KEY = b"k" * 32
DAY = 86_400 * NANO
NOW = 20_000 * DAY
ONE, TWO = b"1" * 16, b"2" * 16
PERSONAL, BOTH = frozenset({"personal"}), frozenset({"personal", "contract"})


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "conversations.sqlite"


@pytest.fixture
def store(path: Path) -> Iterator[SqliteConversations]:
    store = SqliteConversations(path, KEY)
    yield store
    store.close()


async def test_what_is_remembered_is_held_and_adds_up(store: SqliteConversations) -> None:
    await store.remember([ONE, TWO], {"personal"}, NOW)
    await store.remember([ONE], {"contract"}, NOW)
    assert store.held([ONE, TWO, b"3" * 16]) == {ONE: {"personal", "contract"}, TWO: PERSONAL}
    assert store.held([]) == {}


async def test_a_conversation_may_be_known_to_have_held_nothing(store: SqliteConversations) -> None:
    await store.remember([ONE], (), NOW)
    assert store.held([ONE, TWO]) == {ONE: frozenset()}
    await store.remember([ONE], {"personal"}, NOW)
    assert store.held([ONE]) == {ONE: PERSONAL}


async def test_processors_share_it_and_it_survives_them(path: Path, store: SqliteConversations) -> None:
    other = SqliteConversations(path, KEY)
    assert other.held([ONE]) == {}
    await store.remember([ONE], {"personal"}, NOW)
    assert other.held([ONE]) == {ONE: PERSONAL}
    await other.remember([ONE], {"contract"}, NOW)
    assert store.held([ONE]) == {ONE: BOTH}
    other.close()
    store.close()
    assert SqliteConversations(path, KEY).held([ONE]) == {ONE: BOTH}


def test_processors_that_start_together_begin_one_store(path: Path) -> None:
    script = (
        "import asyncio, sys; from pathlib import Path\n"
        "from gateway_ext.conversations.sqlite_store import SqliteConversations\n"
        f"store = SqliteConversations(Path({str(path)!r}), {KEY!r})\n"
        f"asyncio.run(store.remember([sys.argv[1].encode() * 16], {{'personal'}}, {NOW}))\n"
    )
    processes = [subprocess.Popen([sys.executable, "-c", script, name]) for name in "abc"]
    assert [process.wait(30) for process in processes] == [0, 0, 0]
    held = SqliteConversations(path, KEY).held([name * 16 for name in (b"a", b"b", b"c")])
    assert held is not None
    assert len(held) == 3


async def test_it_holds_keys_names_and_days_and_is_for_its_user_alone(path: Path, store: SqliteConversations) -> None:
    await store.remember([ONE], {"personal"}, NOW + DAY - 1)
    with sqlite3.connect(path) as connection:
        assert connection.execute("SELECT * FROM held").fetchall() == [(ONE, "personal", 20_000)]
    connection.close()
    for file in path.parent.iterdir():
        assert stat.S_IMODE(file.stat().st_mode) == 0o600


async def test_nothing_is_written_twice_on_a_day(store: SqliteConversations, monkeypatch: pytest.MonkeyPatch) -> None:
    await store.remember([ONE], {"personal"}, NOW)
    monkeypatch.setattr(store, "_write_at_once", lambda rows: pytest.fail("written again"))
    await store.remember([ONE], {"personal"}, NOW + 1)


async def test_what_was_not_touched_for_long_is_forgotten(path: Path, store: SqliteConversations) -> None:
    await store.remember([ONE, TWO], {"personal"}, NOW)
    await store.remember([TWO], {"personal"}, NOW + 2 * DAY)
    assert prune(path, KEY, 30, NOW + 30 * DAY) == 0
    assert prune(path, KEY, 30, NOW + 31 * DAY) == 1
    assert store.held([ONE, TWO]) == {TWO: PERSONAL}
    await store.remember([ONE], {"personal"}, NOW + 31 * DAY)
    assert store.held([ONE]) == {ONE: PERSONAL}


async def test_a_large_store_is_pruned_in_parts(
    path: Path, store: SqliteConversations, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite_store, "_PRUNED_AT_ONCE", 3)
    await store.remember([bytes([number]) * 16 for number in range(10)], {"personal"}, NOW)
    assert prune(path, KEY, 1, NOW + 2 * DAY) == 10


def test_there_is_nothing_to_prune_before_there_is_a_store(path: Path) -> None:
    assert prune(path, KEY, 30, NOW) == 0
    assert not path.exists()


async def test_a_lock_that_another_process_holds_is_waited_for_beside_the_loop(
    path: Path, store: SqliteConversations
) -> None:
    store.held([ONE])
    with sqlite3.connect(path, isolation_level=None) as other:
        other.execute("BEGIN IMMEDIATE")
        writing = asyncio.get_running_loop().create_task(store.remember([ONE], {"personal"}, NOW))
        await asyncio.sleep(0.05)
        assert not writing.done()
        assert store.held([ONE]) == {}  # readers wait for nobody
        other.execute("COMMIT")
        await writing
    other.close()
    assert store.held([ONE]) == {ONE: PERSONAL}


async def test_what_cannot_be_written_is_said(
    path: Path, store: SqliteConversations, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(sqlite_store, "WRITE_SECONDS", 0.01)
    store.held([ONE])
    with sqlite3.connect(path, isolation_level=None) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(ConversationsUnavailable):
            await store.remember([ONE], {"personal"}, NOW)
        other.execute("ROLLBACK")
    other.close()
    assert "cannot be told" in caplog.text
    await store.remember([ONE], {"personal"}, NOW)  # it is not taken for written
    assert store.held([ONE]) == {ONE: PERSONAL}


@pytest.fixture
async def filled(path: Path, store: SqliteConversations) -> SqliteConversations:
    await store.remember([ONE], {"personal"}, NOW)
    return store


def remove(path: Path) -> None:
    for file in path.parent.glob("conversations.sqlite*"):
        file.unlink()


def damage(path: Path) -> None:
    remove(path)
    path.write_bytes(b"no database" * 1000)


def empty(path: Path) -> None:
    remove(path)
    path.touch(0o600)


def replace_by_another(path: Path) -> None:
    elsewhere = path.parent / "elsewhere" / path.name
    sqlite_file.connect(elsewhere, KEY).close()
    remove(path)
    shutil.copy(elsewhere, path)


@pytest.mark.parametrize("lose", [remove, damage, empty, replace_by_another])
def test_of_a_lost_store_nobody_can_tell_until_it_is_back(
    path: Path, filled: SqliteConversations, caplog: pytest.LogCaptureFixture, lose: object, tmp_path: Path
) -> None:
    filled.close()
    shutil.copytree(path.parent, tmp_path / "backup")
    assert callable(lose)
    for processor in (filled, SqliteConversations(path, KEY)):
        if processor is filled:
            assert processor.held([ONE]) == {ONE: PERSONAL}  # open while it is lost
            lose(path)
        caplog.clear()
        assert processor.held([ONE]) is None
        assert processor.held([TWO]) is None
        assert len(caplog.records) == 1
        assert caplog.records[0].levelno == logging.ERROR
    remove(path)
    shutil.copy(tmp_path / "backup" / path.name, path)
    assert filled.held([ONE]) == {ONE: PERSONAL}
    assert "are known again" in caplog.text


def test_with_another_key_it_is_lost(path: Path, filled: SqliteConversations) -> None:
    assert SqliteConversations(path, b"x" * 32).held([ONE]) is None
    assert filled.held([ONE]) == {ONE: PERSONAL}


def test_who_removes_store_and_marker_begins_anew(path: Path, filled: SqliteConversations) -> None:
    remove(path)
    assert filled.held([ONE]) is None
    marker_path(path).unlink()
    assert filled.held([ONE]) == {}


def test_a_lost_marker_is_made_anew(path: Path, filled: SqliteConversations) -> None:
    marker_path(path).unlink()
    assert SqliteConversations(path, KEY).held([ONE]) == {ONE: PERSONAL}
    assert marker_path(path).exists()


def test_a_store_of_a_newer_version_is_not_touched(path: Path, filled: SqliteConversations) -> None:
    filled.close()
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA user_version = 2")
    connection.close()
    assert filled.held([ONE]) is None
    with pytest.raises(ConversationsUnavailable):
        prune(path, KEY, 30, NOW)


async def test_the_log_beside_it_does_not_grow_for_ever(path: Path, store: SqliteConversations) -> None:
    sizes = []
    for number in range(1200):
        await store.remember([number.to_bytes(16, "big")], {"personal"}, NOW)
        if number % 300 == 299:
            sizes.append(path.with_name(f"{path.name}-wal").stat().st_size)
    assert sizes[-1] < 1.5 * sizes[0]
