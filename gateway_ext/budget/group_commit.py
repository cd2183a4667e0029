"""One thread that writes to SQLite, and commits whatever is waiting in one transaction.

SQLite has one writer at a time and calls to it block, so the event loop hands its work over and goes on. A commit
costs more than the work in it; under load many requests share one. Each piece of work runs inside its own SAVEPOINT:
a refusal undoes itself and not its neighbours. When the transaction itself fails, all of the group fails.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import sqlite3
import threading
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto
from functools import partial
from queue import SimpleQueue
from typing import Any, TypeVar

from gateway_ext.budget.sqlite_file import patiently
from gateway_ext.errors import LedgerUnavailable, Refusal

LEDGER_QUEUE_MAX = 4096  # pieces of work not yet answered; one more is refused at once
GROUP_MAX = 256  # pieces of work in one transaction, so that other processes get their turn

WAL_FRAMES_MAX = 8_192  # pages of 1 KiB, before the write-ahead log is made to begin anew

REPORT_SECONDS = 10.0

_log = logging.getLogger(__name__)

Result = TypeVar("Result")
Work = Callable[[sqlite3.Cursor], Result]


@dataclass(frozen=True, slots=True)
class _Job:
    work: Work[Any]
    future: asyncio.Future[Any]


class _Signal(Enum):
    STOP = auto()
    CHECKPOINT = auto()


class GroupCommit:
    """Not safe to share between event loops: `start`, `submit` and `stop` belong to the loop that called `start`."""

    def __init__(self, connect: Callable[[], sqlite3.Connection]) -> None:
        self._connect = connect
        self._queue: SimpleQueue[_Job | _Signal] = SimpleQueue()  # bounded by `submit`
        self._unanswered = 0
        self._report_at_seconds = 0.0
        self._is_open = False
        self._stopped: asyncio.Future[None] | None = None

    async def start(self) -> None:
        """Open the connection. Raises what `connect` raises."""
        self._loop = asyncio.get_running_loop()
        opened: asyncio.Future[None] = self._loop.create_future()
        self._stopped = self._loop.create_future()
        threading.Thread(target=self._run, args=(opened, self._stopped), name="ledger", daemon=True).start()
        await opened
        self._is_open = True

    def submit(self, work: Work[Result]) -> asyncio.Future[Result]:
        """Run `work` in a transaction. The future's result is there after the commit.

        Work once submitted is done even when nobody waits for the future any more. Raises LedgerUnavailable when
        closed or full; the future raises the work's own Refusal, or LedgerUnavailable for anything else.
        """
        if not self._is_open or self._unanswered >= LEDGER_QUEUE_MAX:
            raise LedgerUnavailable(retry_after_seconds=1)
        future: asyncio.Future[Result] = self._loop.create_future()
        self._unanswered += 1
        self._queue.put(_Job(work, future))
        return future

    def checkpoint(self) -> None:
        """Have the thread copy the write-ahead log into the file, which waits for the disk. Nobody waits for it."""
        if self._is_open:
            self._queue.put(_Signal.CHECKPOINT)

    async def stop(self) -> None:
        """Finish what was submitted, then close the connection. Safe to repeat."""
        self._is_open = False
        if self._stopped is not None:
            self._queue.put(_Signal.STOP)
            await asyncio.shield(self._stopped)

    # --- on the thread ------------------------------------------------------------------------------------------

    def _run(self, opened: asyncio.Future[None], stopped: asyncio.Future[None]) -> None:
        try:
            connection = self._connect()
        except Exception as error:  # noqa: BLE001  (told to whoever awaits `start`)
            self._call_loop(_resolve, opened, error)
            self._call_loop(_resolve, stopped, None)
            return
        self._call_loop(_resolve, opened, None)
        with contextlib.closing(connection):
            while (job := self._queue.get()) is not _Signal.STOP:
                if isinstance(job, _Job):
                    self._commit(connection, job)
                else:
                    _checkpoint(connection)
        self._call_loop(_resolve, stopped, None)

    def _commit(self, connection: sqlite3.Connection, first: _Job) -> None:
        jobs = [first]
        cursor = connection.cursor()
        try:
            try:
                patiently(partial(cursor.execute, "BEGIN IMMEDIATE"))
            except sqlite3.Error:
                jobs += self._waiting(LEDGER_QUEUE_MAX)  # they have waited, too: fail them now, not one after the other
                raise
            jobs += self._waiting(GROUP_MAX)  # after the wait for the lock, so that it is shared, too
            outcomes = [_attempt(cursor, job.work) for job in jobs]
            cursor.execute("COMMIT")
        except Exception as error:  # noqa: BLE001  (whatever it is, nothing was committed and nobody may hang)
            with contextlib.suppress(sqlite3.Error):
                connection.rollback()
            self._report(error)
            outcomes = [_unavailable(error) for _ in jobs]
        self._call_loop(self._deliver, jobs, outcomes)

    def _waiting(self, jobs_max: int) -> list[_Job]:
        jobs: list[_Job] = []
        while len(jobs) < jobs_max and not self._queue.empty():
            job = self._queue.get()
            if job is _Signal.STOP:
                self._queue.put(job)  # nothing follows it: submit refuses since stop
                break
            if isinstance(job, _Job):  # a busy thread's own commits make checkpoints, too
                jobs.append(job)
        return jobs

    def _report(self, error: Exception) -> None:
        if self._loop.time() >= self._report_at_seconds:  # an outage fails every request
            self._report_at_seconds = self._loop.time() + REPORT_SECONDS
            reason = error if isinstance(error, sqlite3.Error) else type(error).__name__
            _log.error("ledger: cannot be written (%s); requests are refused", reason)

    def _call_loop(self, callback: Callable[..., None], *arguments: object) -> None:
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
            self._loop.call_soon_threadsafe(callback, *arguments)

    # --- on the loop --------------------------------------------------------------------------------------------

    def _deliver(self, jobs: list[_Job], outcomes: list[Any]) -> None:
        self._unanswered -= len(jobs)
        for job, outcome in zip(jobs, outcomes, strict=True):
            _resolve(job.future, outcome)


def _checkpoint(connection: sqlite3.Connection) -> None:
    # PASSIVE neither waits for others nor has them wait; what it cannot copy now, the next one does.
    with contextlib.suppress(sqlite3.Error):
        _, frames, _ = connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
        if frames > WAL_FRAMES_MAX:
            # Only a log that has been copied whole begins anew, which never happens while others go on writing. For the
            # little that they have written since, they wait; when it does not succeed at once, the next one tries again.
            connection.execute("PRAGMA wal_checkpoint(RESTART)").fetchone()


def _attempt(cursor: sqlite3.Cursor, work: Work[Any]) -> object:
    """The work's result or its error. Raises only when the transaction is lost."""
    cursor.execute("SAVEPOINT work")
    try:
        outcome = work(cursor)
    except Exception as error:
        if not cursor.connection.in_transaction:  # SQLite has rolled all of it back, e.g. on a full disk
            raise
        cursor.execute("ROLLBACK TO work")
        outcome = error if isinstance(error, Refusal) else _unavailable(error)
    cursor.execute("RELEASE work")
    return outcome


def _unavailable(error: Exception) -> LedgerUnavailable:
    unavailable = LedgerUnavailable(retry_after_seconds=1)
    unavailable.__cause__ = error
    return unavailable


def _resolve(future: asyncio.Future[Any], outcome: object) -> None:
    if future.done():  # its awaiter was cancelled
        return
    if isinstance(outcome, Exception):
        future.set_exception(outcome)
    else:
        future.set_result(outcome)
