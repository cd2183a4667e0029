"""Keeps the index in step with the segments: what is written comes in, what retention erases goes out. Runs beside requests.

An index that cannot be used stops nothing: it is tried again, and a damaged one is made anew.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping

from gateway_ext.audit.index.reading import Logs
from gateway_ext.audit.index.store import Index, IndexDamagedError, IndexUnavailableError, LogPosition

RECORDS_AT_ONCE = 2_000
POLL_SECONDS = 2.0  # in which records gather: many at once cost a third less each than few
PRUNE_SECONDS = 10.0
RETRY_SECONDS = 5.0

_log = logging.getLogger(__name__)

Advance = Callable[[int], None]
"""Is told how many more bytes have been read."""


class Follower:
    """`run` in the control process; `catch_up` for who wants all of it at once."""

    def __init__(self, index: Index, logs: Logs) -> None:
        self._index = index
        self._logs = logs
        self._trouble = ""
        self._positions: dict[str, LogPosition] = {}  # as the index last said, or was told
        self._indexed: dict[
            str, Mapping[int, int]
        ] = {}  # the sizes of a log's segments whose records all are in the index

    async def run(self) -> None:
        """Follow until cancelled."""
        loop = asyncio.get_running_loop()
        prune_at_seconds = 0.0
        while True:
            try:
                await self.catch_up()
                if loop.time() >= prune_at_seconds:
                    prune_at_seconds = loop.time() + PRUNE_SECONDS
                    await self.prune()
                    self._forget_positions()  # somebody may have begun anew
                if self._trouble:
                    self._trouble = ""
                    _log.warning("the search index is followed again")
                await asyncio.sleep(POLL_SECONDS)
            except IndexDamagedError as error:
                _log.error("%s; it is made anew", error.diagnostics())
                await self._begin_anew()
            except IndexUnavailableError as error:
                await self._wait(error.diagnostics())
            except OSError as error:
                await self._wait(f"the segments cannot be read ({error.strerror})")
            except Exception as error:  # noqa: BLE001  (whatever it is: the control process has more to do than this)
                await self._wait(f"an unexpected {type(error).__name__}")

    async def catch_up(self, advance: Advance = lambda _: None) -> None:
        """Index all that is there. Raises IndexUnavailableError, IndexDamagedError, OSError."""
        for log, sizes in (await asyncio.to_thread(self._logs.spooled)).items():
            if self._indexed.get(log) != sizes:
                await self._catch_up(log, advance)
                self._indexed[log] = sizes

    async def _catch_up(self, log: str, advance: Advance) -> None:
        if log not in self._positions:
            self._positions[log] = await self._index.position(log)
        while True:
            position = self._positions[log]
            chunk = await asyncio.to_thread(self._logs.next_chunk, log, position, RECORDS_AT_ONCE)
            if chunk.position == position:
                break
            if await self._index.add(log, position, chunk):
                self._positions[log] = chunk.position
                advance(chunk.read_bytes)
            else:  # somebody else follows it, too, or has begun anew
                self._positions[log] = await self._index.position(log)

    async def prune(self) -> None:
        """Forget what is in no segment any more. Raises IndexUnavailableError, IndexDamagedError, OSError.

        A segment only grows, until records of it are erased.
        """
        for log in await self._index.logs():
            if not self._logs.is_ours(log):
                continue
            seen = await self._index.segments(log)
            sizes = await asyncio.to_thread(self._logs.sizes, log)
            for segment, bytes_seen in seen.items():
                if segment not in sizes:
                    await self._index.forget(log, segment, None, 0, self._logs.events)
                elif sizes[segment] < bytes_seen:
                    erased = await asyncio.to_thread(self._logs.erased, log, segment)
                    await self._index.forget(log, segment, erased, sizes[segment], self._logs.events)

    def _forget_positions(self) -> None:
        self._positions.clear()
        self._indexed.clear()

    async def _begin_anew(self) -> None:
        self._forget_positions()
        try:
            await self._index.clear()
        except IndexUnavailableError as error:
            await self._wait(error.diagnostics())

    async def _wait(self, trouble: str) -> None:
        """Told of once an outage."""
        if not self._trouble:
            _log.error("the search index is not followed now, which is tried again: %s", trouble)
        self._trouble = trouble
        await asyncio.sleep(RETRY_SECONDS)
