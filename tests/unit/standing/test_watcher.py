import asyncio
import sqlite3
import threading
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway_ext.clock import SystemClock
from gateway_ext.errors import CredentialRevoked, StandingUnavailable
from gateway_ext.exchange import CredentialClass, Principal
from gateway_ext.limits import NANO, STANDING_AGE_SECONDS_MAX
from gateway_ext.standing.directives import Directive, Measure, Scope, Target
from gateway_ext.standing.sqlite_store import StandingStore
from gateway_ext.standing.watcher import StandingWatcher

ADA = Principal("ada", "person", "company", CredentialClass.SSO, "key-1")
REVOKED = Directive(Target(Measure.REVOKED, Scope.CREDENTIAL, "key-1"), "ops", "lost", 1)


class HandClock(SystemClock):
    """Monotonic time moves by hand."""

    __slots__ = ("moved_ns",)

    def __init__(self) -> None:
        super().__init__()
        self.moved_ns = 0

    def monotonic_ns(self) -> int:
        return self.moved_ns

    def pass_seconds(self, seconds: float) -> None:
        self.moved_ns += int(seconds * NANO)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "standing.sqlite"


@pytest.fixture
def store(path: Path) -> StandingStore:
    store = StandingStore(path)
    store.make("store-1")
    return store


@pytest.fixture
async def following(store: StandingStore, path: Path) -> AsyncIterator[StandingWatcher]:
    watcher = StandingWatcher(path, SystemClock())
    await watcher.start()
    yield watcher
    await watcher.stop()


async def test_a_change_is_noticed_within_a_fraction_of_a_second(
    following: StandingWatcher, store: StandingStore
) -> None:
    following.current().require_caller(ADA)
    for order, is_revoked in ((lambda: store.put(REVOKED), True), (lambda: store.undo(REVOKED.target), False)):
        changed = following.changed()
        order()
        began = time.monotonic()
        await asyncio.wait_for(asyncio.shield(changed), 0.9)
        assert time.monotonic() - began < 0.5
        if is_revoked:
            with pytest.raises(CredentialRevoked):
                following.current().require_caller(ADA)
        else:
            following.current().require_caller(ADA)


async def test_it_can_be_stopped_and_started_again(store: StandingStore, path: Path) -> None:
    watcher = StandingWatcher(path, SystemClock(), poll_seconds=0.01)
    for _ in range(2):
        await watcher.start()
        changed = watcher.changed()
        store.put(REVOKED)
        await asyncio.wait_for(changed, 10)
        await watcher.stop()
        assert not [thread for thread in threading.enumerate() if thread.name == "standing store"]


async def test_nothing_is_told_when_nothing_changes(following: StandingWatcher) -> None:
    changed = following.changed()
    await asyncio.sleep(0.3)
    assert not changed.done()


async def test_without_a_store_every_request_is_refused_until_there_is_one(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    watcher = StandingWatcher(path, SystemClock(), poll_seconds=0.01)
    await watcher.start()
    try:
        with pytest.raises(StandingUnavailable):
            watcher.current()
        await asyncio.sleep(0.1)
        assert caplog.text.count("requests are refused") == 1
        assert "standing init" in caplog.text
        changed = watcher.changed()
        StandingStore(path).make("store-1")
        await asyncio.wait_for(asyncio.shield(changed), 5)
        watcher.current().require_caller(ADA)
        assert "is read again" in caplog.text
    finally:
        await watcher.stop()


def test_what_was_read_holds_for_a_second_when_the_store_is_gone(store: StandingStore, path: Path) -> None:
    clock = HandClock()
    watcher = StandingWatcher(path, clock)
    store.put(REVOKED)
    assert watcher.poll()
    path.rename(path.with_suffix(".away"))
    assert not watcher.poll()
    clock.pass_seconds(STANDING_AGE_SECONDS_MAX)
    with pytest.raises(CredentialRevoked):
        watcher.current().require_caller(ADA)
    clock.pass_seconds(0.001)
    with pytest.raises(StandingUnavailable):
        watcher.current()
    path.with_suffix(".away").rename(path)
    with pytest.raises(CredentialRevoked):  # looked for again at once, without the background task
        watcher.current().require_caller(ADA)
    watcher._reader.close()


def test_a_store_begun_anew_does_not_undo_what_was_ordered(store: StandingStore, path: Path) -> None:
    """Somebody removes the store and makes an empty one by hand: it is not the one the marker tells of."""
    clock = HandClock()
    watcher = StandingWatcher(path, clock)
    store.put(REVOKED)
    assert watcher.poll()
    path.unlink()
    marker = path.with_suffix(".marker")
    witness = marker.read_bytes()
    StandingStore(path).make("store-2")
    marker.write_bytes(witness)
    clock.pass_seconds(1.1)
    with pytest.raises(StandingUnavailable):
        watcher.current()
    watcher._reader.close()


def test_a_hanging_disk_refuses_after_a_second_and_blocks_nobody(store: StandingStore, path: Path) -> None:
    clock = HandClock()
    watcher = StandingWatcher(path, clock)
    assert watcher.poll()
    with watcher._mutex:  # as long as a look does not return
        watcher.current()
        clock.pass_seconds(1.1)
        with pytest.raises(StandingUnavailable):
            watcher.current()
    watcher.current()
    watcher._reader.close()


def test_a_busy_loop_does_not_refuse(store: StandingStore, path: Path) -> None:
    """The background task did not come to run for long: the request looks for itself, and sees what has changed."""
    clock = HandClock()
    watcher = StandingWatcher(path, clock)
    assert watcher.poll()
    store.put(REVOKED)
    clock.pass_seconds(60)
    with pytest.raises(CredentialRevoked):
        watcher.current().require_caller(ADA)
    watcher._reader.close()


def test_a_look_costs_little_when_nothing_changed(store: StandingStore, path: Path) -> None:
    watcher = StandingWatcher(path, SystemClock())
    assert watcher.poll()
    began = time.perf_counter()
    for _ in range(1_000):
        assert not watcher.poll()
    assert (time.perf_counter() - began) / 1_000 < 0.001  # about ten microseconds on an idle machine
    watcher._reader.close()


def test_a_writer_in_a_transaction_does_not_keep_readers_out(store: StandingStore, path: Path) -> None:
    watcher = StandingWatcher(path, SystemClock())
    assert watcher.poll()
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("BEGIN IMMEDIATE")
    connection.execute("DELETE FROM directive")
    assert not watcher.poll()
    watcher.current()
    connection.execute("ROLLBACK")
    connection.close()
    watcher._reader.close()
