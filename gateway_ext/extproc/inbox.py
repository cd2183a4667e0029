"""Envoy's messages about one stream, as they come; the wait for one can be interrupted without losing any."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any


class Inbox:
    """Used by one task. `read` is gRPC's: cancelling it would end the whole call, so an interrupted one goes on."""

    def __init__(self, read: Callable[[], Awaitable[Any]]) -> None:
        self._read = read
        self._reading: asyncio.Task[Any] | None = None

    async def next(self, interruption: asyncio.Future[None] | None) -> Any:
        """The next message. None as soon as `interruption` is done, which is left as it is."""
        if self._reading is None:
            if interruption is None:
                return await self._read()
            self._reading = asyncio.get_running_loop().create_task(self._message(), name="read")
        waiting = {self._reading} if interruption is None else {self._reading, interruption}
        await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        if not self._reading.done():
            return None
        reading, self._reading = self._reading, None
        return reading.result()

    async def _message(self) -> Any:
        return await self._read()

    async def close(self) -> None:
        """Let go of what is being read: nobody will ask for it."""
        if self._reading is not None:
            self._reading.cancel()
            await asyncio.wait({self._reading})
            self._reading = None
