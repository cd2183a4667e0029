"""Waiting for the disk: who waits, how many share an fsync, and what they are told when it fails."""

import asyncio
import errno
import logging
import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway_ext.audit import group_sync
from gateway_ext.audit.events import EventName
from gateway_ext.audit.records import DecisionRecord
from gateway_ext.audit.segment_writer import SegmentWriter
from gateway_ext.audit.segments import segment_path
from gateway_ext.audit.spool import Spool
from gateway_ext.clock import SystemClock
from gateway_ext.errors import AuditUnavailable

RECORD = DecisionRecord(EventName.DECISION_REFUSED, "e", "refuse", "d", "public", "192.0.2.1")
REQUESTS = 64


class Disk:
    """Fsyncs of segments, which wait while `released` is not set, and fail when they are told to."""

    def __init__(self) -> None:
        self.released = threading.Event()
        self.released.set()
        self.began = threading.Event()
        self.fails = False
        self.syncs = 0
        self._real = os.fsync

    def fsync(self, descriptor: int) -> None:
        if os.readlink(f"/proc/self/fd/{descriptor}").endswith(".segment"):
            self.began.set()
            self.released.wait(5)
            self.syncs += 1
            if self.fails:
                raise OSError(errno.EIO, "Input/output error")
        self._real(descriptor)


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Disk:
    disk = Disk()
    monkeypatch.setattr(os, "fsync", disk.fsync)
    return disk


@pytest.fixture
def spool(tmp_path: Path, disk: Disk) -> Iterator[Spool]:
    """Nothing is synced within a minute unless somebody waits for it."""
    spool = Spool(tmp_path, "p0", SystemClock(), fsync_seconds=60, power_loss=True)
    yield spool
    disk.released.set()
    spool.close()


async def recorded(spool: Spool) -> None:
    spool.append(RECORD)
    await spool.durable()


async def test_the_record_is_on_disk_when_the_wait_is_over(spool: Spool, disk: Disk) -> None:
    disk.released.clear()
    spool.append(RECORD)
    waiting = asyncio.get_running_loop().create_task(spool.durable())
    await asyncio.to_thread(disk.began.wait, 5)
    await asyncio.sleep(0.02)
    assert not waiting.done()
    disk.released.set()
    await waiting
    assert disk.syncs == 1
    await spool.durable()
    assert disk.syncs == 1, "there is nothing more to wait for"


async def test_many_requests_share_an_fsync(spool: Spool, disk: Disk) -> None:
    async with asyncio.TaskGroup() as tasks:
        disk.released.clear()
        tasks.create_task(recorded(spool))
        await asyncio.to_thread(disk.began.wait, 5)
        for _ in range(REQUESTS):
            tasks.create_task(recorded(spool))
        await asyncio.sleep(0.02)
        disk.released.set()
    assert disk.syncs == 2, "the one that ran, and the next one for all who came meanwhile"


async def test_what_is_written_while_an_fsync_runs_is_not_taken_for_safe(spool: Spool, disk: Disk) -> None:
    disk.released.clear()
    spool.append(RECORD)
    first = asyncio.get_running_loop().create_task(spool.durable())
    await asyncio.to_thread(disk.began.wait, 5)
    spool.append(RECORD)
    disk.released.set()
    await first
    disk.fails = True
    with pytest.raises(AuditUnavailable):
        await spool.durable()


async def test_a_failed_fsync_tells_all_who_wait_and_is_final(
    spool: Spool, disk: Disk, caplog: pytest.LogCaptureFixture
) -> None:
    disk.fails = True
    results = await asyncio.gather(*(recorded(spool) for _ in range(REQUESTS)), return_exceptions=True)
    assert [type(result) for result in results] == [AuditUnavailable] * REQUESTS
    assert spool.failed
    disk.fails = False
    with pytest.raises(AuditUnavailable):
        await spool.durable()
    with pytest.raises(AuditUnavailable):
        spool.append(RECORD)
    spool.close()
    assert disk.syncs == 1
    assert [each.levelno for each in caplog.records] == [logging.CRITICAL, logging.ERROR], "once each"


async def test_who_leaves_disturbs_nobody(spool: Spool, disk: Disk) -> None:
    disk.released.clear()
    leaving, staying = (asyncio.get_running_loop().create_task(recorded(spool)) for _ in range(2))
    await asyncio.to_thread(disk.began.wait, 5)
    leaving.cancel()
    disk.released.set()
    await staying
    assert leaving.cancelled()


async def test_closing_syncs_for_those_who_wait(spool: Spool, disk: Disk) -> None:
    disk.released.clear()
    waiting = asyncio.get_running_loop().create_task(recorded(spool))
    await asyncio.to_thread(disk.began.wait, 5)
    disk.released.set()
    await asyncio.to_thread(spool.close)
    await waiting
    await spool.durable()


async def test_a_process_crash_is_all_that_is_waited_for_by_default(tmp_path: Path, disk: Disk) -> None:
    spool = Spool(tmp_path, "p1", SystemClock(), fsync_seconds=60)
    await recorded(spool)
    assert disk.syncs == 0
    spool.close()
    assert disk.syncs == 1


@pytest.fixture
def rests(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(group_sync, "REST_SECONDS_MAX", 60)


@pytest.mark.usefixtures("rests")
async def test_the_first_record_after_a_rest_is_synced_though_nobody_waits(tmp_path: Path, disk: Disk) -> None:
    rounds = 0

    def count() -> None:
        nonlocal rounds
        rounds += 1

    sync = group_sync.GroupSync(tmp_path, 0.01, count)
    sync.opened(SegmentWriter(segment_path(tmp_path, 1)))
    sync.start()
    for expected in (1, 2):
        await asyncio.sleep(0.1)  # ten intervals: it would have gone round ten times
        assert rounds == expected
        sync.wrote()
        async with asyncio.timeout(10):
            while disk.syncs < expected or rounds == expected:  # noqa: ASYNC110  (the thread tells nobody)
                await asyncio.sleep(0.01)
    await asyncio.to_thread(sync.close)
    assert disk.syncs == 2, "a rest ends at once, and leaves nothing"
