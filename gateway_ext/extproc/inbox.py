"""Envoy's events about one stream, as they come; the wait for one can be interrupted without losing any."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable

from gateway_ext import limits
from gateway_ext.extproc import events as e

Read = Callable[[], Awaitable[e.Event]]


class Inbox:
    """Used by one task. `read` is gRPC's: cancelling it would end the whole call, so an interrupted one goes on.

    One event at a time by `next`, until `wait` is called: from then on one is read ahead of its being asked for, and more of
    them after `read_on`. What is not read stays with gRPC, whose windows hold Envoy back.
    """

    __slots__ = ("_bytes", "_events", "_interruption", "_read", "_reader", "_reads_on", "_room", "_waiter")

    def __init__(self, read: Read) -> None:
        self._read = read
        self._events: deque[e.Event] = deque()
        self._bytes = 0  # of bodies among them
        self._reads_on = False
        self._reader: asyncio.Task[None] | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._room: asyncio.Future[None] | None = None
        self._interruption: asyncio.Future[None] | None = None

    async def next(self) -> e.Event:
        """The next event, read when it is asked for. Not to be called after `wait`."""
        return await self._read()

    async def wait(self, interruption: asyncio.Future[None] | None) -> bool:
        """Until there are events to `take`. False as soon as `interruption` is done, which is left as it is.

        Raises what `read` raises, once all that came before has been taken.
        """
        loop = asyncio.get_running_loop()
        if self._reader is None:
            self._reader = loop.create_task(self._read_on(), name="read")
            self._reader.add_done_callback(self._wake)
        if interruption is not self._interruption:
            self._forget_interruption()
            self._interruption = interruption
            if interruption is not None:
                interruption.add_done_callback(self._wake)
        while not self._events:
            if self._reader.done():
                self._reader.result()
            if interruption is not None and interruption.done():
                return False
            self._waiter = loop.create_future()
            try:
                await self._waiter
            finally:
                self._waiter = None
        return True

    def take(self) -> list[e.Event]:
        """All events that are there, bodies that follow each other as one."""
        taken, self._bytes = e.joined(self._events), 0
        self._events.clear()
        self._reads_on = False
        self._make_room()
        return taken

    def read_on(self) -> None:
        """Read as much as there is room for, until the next `take`."""
        self._reads_on = True
        self._make_room()

    async def close(self) -> None:
        """Let go of what is being read: nobody will ask for it."""
        self._forget_interruption()
        if self._reader is not None:
            self._reader.cancel()
            await asyncio.wait({self._reader})
            if not self._reader.cancelled():
                self._reader.exception()  # nobody waits for it either

    async def _read_on(self) -> None:
        while not (self._events and isinstance(self._events[-1], e.StreamEnded)):
            while self._events and not (self._reads_on and self._has_room()):
                self._room = asyncio.get_running_loop().create_future()
                await self._room
            event = await self._read()
            self._events.append(event)
            if isinstance(event, e.ResponseBody):
                self._bytes += len(event.body)
            self._wake()

    def _has_room(self) -> bool:
        return len(self._events) < limits.STREAM_AHEAD_EVENTS_MAX and self._bytes < limits.STREAM_AHEAD_BYTES_MAX

    def _make_room(self) -> None:
        if self._room is not None and not self._room.done():
            self._room.set_result(None)

    def _wake(self, _done: object = None) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def _forget_interruption(self) -> None:
        if self._interruption is not None:
            self._interruption.remove_done_callback(self._wake)
            self._interruption = None
