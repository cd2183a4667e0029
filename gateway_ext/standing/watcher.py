"""Keeps what is in force within a fraction of a second of the store; when it cannot, requests are refused."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
from pathlib import Path

from gateway_ext.clock import SystemClock
from gateway_ext.errors import StandingUnavailable
from gateway_ext.limits import NANO, STANDING_AGE_SECONDS_MAX, STANDING_POLL_SECONDS
from gateway_ext.standing.directives import Measure
from gateway_ext.standing.sqlite_reader import StoreReader
from gateway_ext.standing.sqlite_store import MAKE, StoreLost
from gateway_ext.standing.standing import Standing

_LATE_SECONDS = 3 * STANDING_POLL_SECONDS
_log = logging.getLogger(__name__)


class StandingWatcher:
    """A StandingSource. Polls, because no notification of SQLite reaches other processes.

    Until the store has been read, and once its last reading is older than STANDING_AGE_SECONDS_MAX, nothing is known
    for certain and `current` raises; it heals by itself when the store is back.
    """

    def __init__(self, path: Path, clock: SystemClock, *, poll_seconds: float = STANDING_POLL_SECONDS) -> None:
        self._path = path
        self._clock = clock
        self._poll_seconds = poll_seconds
        self._reader = StoreReader(path)
        self._mutex = threading.Lock()  # of the reader
        self._standing = Standing()
        self._read_ns: int | None = None  # monotonic, when what is known was last found to be so
        self._trouble = ""
        self._change: asyncio.Future[None] | None = None
        self._task: asyncio.Task[None] | None = None

    def current(self) -> Standing:
        """What is in force. Raises StandingUnavailable."""
        age_ns = self._age_ns()
        if age_ns > _LATE_SECONDS * NANO:  # the machine is so busy that the background task comes late
            if self.poll():
                self._tell()
            age_ns = self._age_ns()
        if age_ns > STANDING_AGE_SECONDS_MAX * NANO:
            raise StandingUnavailable
        return self._standing

    def changed(self) -> asyncio.Future[None]:
        """Done as soon as something else is in force. Ask `current` after this, not before: nothing is missed then."""
        if self._change is None:
            self._change = asyncio.get_running_loop().create_future()
        return self._change

    async def start(self) -> None:
        """Read the store and begin to follow it. A store that cannot be read is logged, and looked for again."""
        if self._task is None:
            self.poll()
            self._task = asyncio.get_running_loop().create_task(self._run(), name="standing-watcher")

    async def stop(self) -> None:
        """Stop following and close the store."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
            self._task = None
        if self._mutex.acquire(timeout=STANDING_AGE_SECONDS_MAX):  # else a disk hangs, and the end of us closes it
            self._reader.close()
            self._mutex.release()

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(self._poll_seconds)
            # In a thread: a disk that hangs must not take the event loop with it.
            if await asyncio.to_thread(self.poll):
                self._tell()

    def poll(self) -> bool:
        """One look at the store. Whether something else is in force. Never waits for another poll, never raises."""
        if not self._mutex.acquire(blocking=False):
            return False
        try:
            looked_ns = self._clock.monotonic_ns()
            found = self._reader.look()
            if found is not None:
                self._standing = Standing.of(found, self._clock.now_unix_nano())
            self._read_ns = looked_ns
        except Exception as error:  # noqa: BLE001  (whatever it is: nothing is known, and the age of what was known counts)
            self._complain(error)
            return False
        finally:
            self._mutex.release()
        if self._trouble:
            self._trouble = ""
            _log.warning("standing store %s: is read again", self._path)
        if found is not None:
            counts = {measure: sum(each.target.measure is measure for each in found) for measure in Measure}
            _log.info("standing: %d revoked, %d disabled, %d stopped", *counts.values())
        return found is not None

    def _complain(self, error: Exception) -> None:
        trouble = f"{error}; {MAKE}" if isinstance(error, StoreLost) else f"{type(error).__name__}: {error}"
        if trouble != self._trouble:  # once, not ten times a second
            self._trouble = trouble
            _log.error("standing store %s: cannot be read (%s); requests are refused", self._path, trouble)

    def _age_ns(self) -> float:
        return float("inf") if self._read_ns is None else self._clock.monotonic_ns() - self._read_ns

    def _tell(self) -> None:
        change, self._change = self._change, None
        if change is not None and not change.done():
            change.set_result(None)
