"""Keeps what a process knows within a fraction of a second of a store, and says when it no longer knows."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
from abc import ABC, abstractmethod
from typing import Generic

from gateway_ext.clock import SystemClock
from gateway_ext.limits import NANO, STANDING_AGE_SECONDS_MAX, STANDING_POLL_SECONDS
from gateway_ext.witnessed.reader import Found, StoreReader
from gateway_ext.witnessed.store import StoreLost

_UNWANTED_SECONDS = 1.0
_LATE_SECONDS = 3 * STANDING_POLL_SECONDS
_log = logging.getLogger(__name__)


class StoreFollower(ABC, Generic[Found]):
    """Polls, because no notification of SQLite reaches other processes: in a thread of its own, as a disk that hangs must not
    take the event loop with it, and ten hops a second to a pool of threads and back would cost more than the looks.

    Until the store has been read, and once its last reading is older than STANDING_AGE_SECONDS_MAX, nothing is known
    for certain; it heals by itself when the store is back.
    """

    def __init__(
        self, reader: StoreReader[Found], clock: SystemClock, *, poll_seconds: float = STANDING_POLL_SECONDS
    ) -> None:
        self._reader = reader
        self._clock = clock
        self._poll_seconds = poll_seconds
        self._mutex = threading.Lock()  # of the reader
        self._read_ns: int | None = None  # monotonic, when what is known was last found to be so
        self._trouble = ""
        self._thread: threading.Thread | None = None
        self._is_ending = threading.Event()

    @abstractmethod
    def _take(self, found: Found) -> None:
        """Know `found` from now on. Called in a thread."""

    def _tell(self) -> None:
        """Something was taken. Called on the event loop."""

    def _is_wanted(self) -> bool:
        """Whether anybody wants to know. Until then nothing is looked at."""
        return True

    def is_known(self) -> bool:
        """Whether what was last taken is still what the store holds, as far as can be known."""
        age_ns = self._age_ns()
        if age_ns > _LATE_SECONDS * NANO:  # the machine is so busy that the background task comes late
            if self.poll():
                self._tell()
            age_ns = self._age_ns()
        return age_ns <= STANDING_AGE_SECONDS_MAX * NANO

    async def start(self) -> None:
        """Read the store and begin to follow it. A store that cannot be read is logged, and looked for again."""
        if self._thread is None:
            self.poll()
            name, loop = self._reader.store.kind.name, asyncio.get_running_loop()
            self._is_ending.clear()
            self._thread = threading.Thread(target=self._run, args=(loop,), name=name, daemon=True)
            self._thread.start()

    async def stop(self) -> None:
        """Stop following and close the store."""
        if self._thread is not None:
            self._is_ending.set()
            await asyncio.to_thread(self._thread.join, STANDING_AGE_SECONDS_MAX)
            self._thread = None
        if self._mutex.acquire(timeout=STANDING_AGE_SECONDS_MAX):  # else a disk hangs, and the end of us closes it
            self._reader.close()
            self._mutex.release()

    def _run(self, loop: asyncio.AbstractEventLoop) -> None:
        # While nobody wants to know, whoever is the first to ask looks for themselves.
        while not self._is_ending.wait(self._poll_seconds if self._is_wanted() else _UNWANTED_SECONDS):
            if self.poll():
                with contextlib.suppress(RuntimeError):  # the loop is closed: nobody wants to know any more
                    loop.call_soon_threadsafe(self._tell)

    def poll(self) -> bool:
        """One look at the store. Whether something was taken. Never waits for another poll, never raises."""
        if not self._is_wanted() or not self._mutex.acquire(blocking=False):
            return False
        try:
            looked_ns = self._clock.monotonic_ns()
            found = self._reader.look()
            if found is not None:
                self._take(found)
            self._read_ns = looked_ns
        except Exception as error:  # noqa: BLE001  (whatever it is: nothing is known, and the age of what was known counts)
            self._complain(error)
            return False
        finally:
            self._mutex.release()
        if self._trouble:
            self._trouble = ""
            _log.warning("%s %s: is read again", self._reader.store.kind.name, self._reader.store.path)
        return found is not None

    def _complain(self, error: Exception) -> None:
        store = self._reader.store
        trouble = (
            f"{error}; {store.kind.remedy}" if isinstance(error, StoreLost) else f"{type(error).__name__}: {error}"
        )
        if trouble != self._trouble:  # once, not ten times a second
            self._trouble = trouble
            _log.error("%s %s: cannot be read (%s); requests are refused", store.kind.name, store.path, trouble)

    def _age_ns(self) -> float:
        return float("inf") if self._read_ns is None else self._clock.monotonic_ns() - self._read_ns
