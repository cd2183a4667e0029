"""Who reads what has come of an answer next. Between turns the event loop does everything else there is to do."""

from __future__ import annotations

import asyncio
from collections import deque

_ROUNDS = 8


class Turns:
    """Turns of one event loop, in the order in which they were asked for: in each of its rounds an eighth of those who wait.

    Streams that wait for theirs go on receiving, and then have several chunks read in one go: the busier the process, the
    less a chunk costs. However many wait, none does for more than a few rounds, and new requests have their part of each.
    """

    __slots__ = ("_is_taken", "_waiting")

    def __init__(self) -> None:
        self._is_taken = False
        self._waiting: deque[asyncio.Future[None]] = deque()

    async def next(self) -> None:
        """Returns in the caller's turn."""
        loop = asyncio.get_running_loop()
        if self._is_taken:
            turn = loop.create_future()
            self._waiting.append(turn)
            await turn
        else:
            self._is_taken = True
            loop.call_soon(self._pass_on)

    def _pass_on(self) -> None:
        turns = -(-len(self._waiting) // _ROUNDS)
        self._is_taken = turns > 0
        while turns and self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():  # else whoever waited has gone
                turn.set_result(None)
                turns -= 1
        if self._is_taken:
            asyncio.get_running_loop().call_soon(self._pass_on)
