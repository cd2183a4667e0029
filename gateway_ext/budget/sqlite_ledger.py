"""The ledger port on one SQLite file. Several processes may share the file; each has one writing thread.

Reserving and settling one request is done on the event loop when the file is free; what finds it locked, what takes
longer and what waits for the disk goes to the thread.
"""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Protocol, TypeVar

from gateway_ext.budget import sqlite_books as books
from gateway_ext.budget import sqlite_quotas
from gateway_ext.budget.group_commit import GroupCommit
from gateway_ext.budget.inline_commit import InlineCommit
from gateway_ext.budget.leases.rules import Draw
from gateway_ext.budget.rules import Reservation, Settled, Settlement, TopUp
from gateway_ext.budget.settle import POSTED, VOID, Closing
from gateway_ext.budget.sqlite_file import connect
from gateway_ext.errors import LedgerUnavailable
from gateway_ext.exchange import Hold, Usage

SETTLED_AT_ONCE = 16  # in one transaction: well below a millisecond on the loop
CHECKPOINT_COMMITS = 500  # a few pages each: the write-ahead log stays at a few MiB

_log = logging.getLogger(__name__)

Result = TypeVar("Result")


class WallClock(Protocol):
    def now_unix_nano(self) -> int: ...


class SqliteLedger:
    """Implements ports.Ledger, whose docstrings are the contract; settle.py says which settlement counts.

    All calls but `open` raise LedgerUnavailable when the file cannot be written (full, locked for longer than
    BUSY_SECONDS, damaged, removed, closed) or too much is waiting; the operation has then not been done. Should a commit be
    reported as failed although it was kept, repeating the call is safe, and a hold nobody knows of expires.
    A cancelled call is still carried out: its hold expires unless it is voided, and a void after it is done after it.
    """

    def __init__(self, path: Path, clock: WallClock) -> None:
        self._clock = clock
        self._path = path
        self._identity: tuple[int, int] | None = None
        self._was_there = True
        self._connect = partial(connect, path)
        self._writer = GroupCommit(self._connect)
        self._inline: InlineCommit | None = None

    async def open(self) -> None:
        """Raises ConfigurationError when the file cannot be opened or is no ledger of this version."""
        await self._writer.start()
        self._identity = _identity(self._path)
        self._inline = InlineCommit(self._connect())

    async def close(self) -> None:
        if self._inline is not None:
            self._inline.close()
            self._inline = None
        await self._writer.stop()

    async def reserve(self, reservation: Reservation) -> Hold:
        return await self._do(partial(books.reserve, reservation=reservation))

    async def post(
        self, hold_id: str, usage: Usage | None, cluster: str, settled_by: str, flags: tuple[str, ...] = ()
    ) -> Settled | None:
        return await self._settle(hold_id, Closing(POSTED, usage, cluster, settled_by, flags))

    async def void(self, hold_id: str, settled_by: str, flags: tuple[str, ...] = ()) -> Settled | None:
        return await self._settle(hold_id, Closing(VOID, None, "", settled_by, flags))

    async def settle_all(self, settlements: Sequence[Settlement]) -> list[Settled | None]:
        settled: list[Settled | None] = []
        for start in range(0, len(settlements), SETTLED_AT_ONCE):
            settled += await self._do(partial(self._settle_each, settlements[start : start + SETTLED_AT_ONCE]))
            await asyncio.sleep(0)  # requests that wait for a decision come first
        return settled

    def _settle_each(self, settlements: Sequence[Settlement], cursor: sqlite3.Cursor) -> list[Settled | None]:
        now_unix_nano = self._clock.now_unix_nano()
        return books.settle(cursor, [(each.hold_id, _closing(each)) for each in settlements], now_unix_nano)

    async def draw(self, draws: Sequence[Draw]) -> frozenset[str]:
        """As leases.ledger.LedgerOfRecord says."""
        lost: set[str] = set()
        for start in range(0, len(draws), SETTLED_AT_ONCE):
            lost |= await self._do(partial(_draw_each, draws[start : start + SETTLED_AT_ONCE]))
        return frozenset(lost)

    async def top_up(self, top_up: TopUp) -> None:
        self._require_the_file()
        await self._writer.submit(partial(books.add, top_up=top_up))

    async def end_top_up(self, top_up_id: str, now_unix_nano: int) -> bool:
        self._require_the_file()
        return await self._writer.submit(partial(books.end_top_up, top_up_id=top_up_id, now_unix_nano=now_unix_nano))

    async def expire(self, now_unix_nano: int, limit: int = 500) -> list[Settled]:
        self._require_the_file()
        return await self._writer.submit(partial(books.expire, now_unix_nano=now_unix_nano, limit=limit))

    async def prune(self, now_unix_nano: int) -> int:
        self._require_the_file()
        return await self._writer.submit(partial(sqlite_quotas.prune, now_unix_nano=now_unix_nano))

    async def _settle(self, hold_id: str, closing: Closing) -> Settled | None:
        now_unix_nano = self._clock.now_unix_nano()
        (settled,) = await self._do(partial(books.settle, closings=[(hold_id, closing)], now_unix_nano=now_unix_nano))
        return settled

    async def _do(self, work: Callable[[sqlite3.Cursor], Result]) -> Result:
        self._require_the_file()
        if self._inline is None or (result := self._inline.attempt(work)) is None:
            return await self._writer.submit(work)
        if self._inline.commits % CHECKPOINT_COMMITS == 0:
            self._writer.checkpoint()
        return result

    def _require_the_file(self) -> None:
        """SQLite goes on writing into a file that was removed or replaced, where no other process would see it."""
        is_there = self._identity == _identity(self._path)
        if is_there is not self._was_there:
            self._was_there = is_there
            if is_there:
                _log.warning("ledger %s: is back", self._path)
            else:
                _log.error("ledger %s: was removed or replaced; put it back, or restart with the new one", self._path)
        if not is_there:
            raise LedgerUnavailable


def _draw_each(draws: Sequence[Draw], cursor: sqlite3.Cursor) -> set[str]:
    return {drawn.lease_id for drawn in draws if not books.draw(cursor, drawn)}


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _closing(settlement: Settlement) -> Closing:
    state = POSTED if settlement.cluster else VOID
    return Closing(state, settlement.usage, settlement.cluster, settlement.settled_by, settlement.flags)
