"""Makes what was appended durable: one fsync for all records of a group, in a thread of its own.

A group is what was written in an interval; when somebody waits for it, what was written while the fsync before it ran.
While nothing is written the thread rests, and the next record wakes it.
The first fsync that fails is final. Linux drops the dirty pages it could not write and reports the error once; a
second fsync on the same descriptor would succeed without the data being on disk (fsync(2), "fsyncgate").
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from gateway_ext.audit.segment_writer import SegmentWriter
from gateway_ext.audit.segments import sync_directory

REST_SECONDS_MAX = 1.0  # between two rounds: `after_round` looks at what others do

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Waiter:
    """Somebody who is told, on their loop, whether the first `wanted` writes are on disk."""

    wanted: int
    loop: asyncio.AbstractEventLoop
    told: asyncio.Future[bool]


class GroupSync:
    """Syncs the segments it is given until `close`; every round calls `after_round`. Closes segments it has retired."""

    def __init__(self, directory: Path, interval_seconds: float, after_round: Callable[[], None]):
        self.failure = ""
        self._directory = directory
        self._interval_seconds = interval_seconds
        self._after_round = after_round
        self._segments: deque[SegmentWriter] = deque()  # the last one is being written
        self._directory_changed = False
        self._written = 0
        self._synced = 0  # of these
        self._waiters: list[_Waiter] = []
        self._mutex = threading.Lock()  # never held during a system call
        self._due = threading.Event()
        self._is_resting = False
        self._closing = self._ended = False
        self._thread = threading.Thread(target=self._run, name="audit-fsync", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def opened(self, segment: SegmentWriter) -> None:
        """From now on `segment` is written; the one before it is synced for the last time and closed."""
        with self._mutex:
            self._segments.append(segment)
            self._directory_changed = True

    def wrote(self) -> None:
        """A record is in the last segment. By one thread at a time."""
        self._written += 1
        if self._is_resting:
            self._due.set()

    async def synced(self) -> bool:
        """Whether all that was written before this call is on disk, as soon as that is known. False: it never will be."""
        wanted, loop = self._written, asyncio.get_running_loop()
        with self._mutex:
            if self._synced >= wanted or self._ended:
                return self._synced >= wanted
            waiter = _Waiter(wanted, loop, loop.create_future())
            self._waiters.append(waiter)
        self._due.set()
        return await waiter.told

    def close(self) -> None:
        """Sync what is left, end the thread, close the files. `failure` tells whether everything is durable."""
        self._closing = True
        self._due.set()
        self._thread.join()
        for segment in self._segments:
            segment.close()
        self._segments.clear()

    def _run(self) -> None:
        try:
            while not self._closing:
                self._await_group()
                self._round()
                self._after_round()
            self._round()
        except OSError as error:
            self._fail(f"fsync failed ({error.strerror})")
        except BaseException:
            self._fail("the fsync thread ended")
            raise
        finally:
            self._tell(ended=True)

    def _await_group(self) -> None:
        """Until an interval after a group's first record, or somebody waits for it, or REST_SECONDS_MAX are over."""
        if self._is_all_synced():
            self._is_resting = True
            if self._is_all_synced():  # asked again: whoever wrote in between did not know that somebody rests
                self._due.wait(REST_SECONDS_MAX)
            self._is_resting = False
            self._due.clear()
            if self._is_all_synced() or self._waiters or self._closing:
                return
        self._due.wait(self._interval_seconds)
        self._due.clear()

    def _is_all_synced(self) -> bool:
        return self._written == self._synced and not self._directory_changed and len(self._segments) < 2

    def _round(self) -> None:
        # What is written from here on is for the next round: this one may not know its segment, or that segment's name.
        with self._mutex:
            written, segments = self._written, tuple(self._segments)
            directory_changed, self._directory_changed = self._directory_changed, False
        if directory_changed:
            sync_directory(self._directory)
        for retired in segments[:-1]:
            retired.sync()
            self._segments.popleft().close()
        if written > self._synced:
            segments[-1].sync()
            self._synced = written
        self._tell()

    def _tell(self, *, ended: bool = False) -> None:
        """Answer all who need not wait any longer."""
        with self._mutex:
            self._ended |= ended
            told = [each for each in self._waiters if ended or each.wanted <= self._synced]
            self._waiters = [] if ended else [each for each in self._waiters if each.wanted > self._synced]
        for each in told:
            with suppress(RuntimeError):  # its loop is closed: nobody waits any more
                each.loop.call_soon_threadsafe(_answer, each.told, each.wanted <= self._synced)

    def _fail(self, failure: str) -> None:
        self.failure = failure
        _log.critical("spool %s: %s; no record is accepted any more, restart this process", self._directory, failure)


def _answer(told: asyncio.Future[bool], is_synced: bool) -> None:
    if not told.done():  # cancelled: its request has gone
        told.set_result(is_synced)
