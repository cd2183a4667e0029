"""Who reads what has come of an answer next. Between turns the event loop does everything else there is to do."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable

_ROUNDS = 4  # of the event loop from one turn to the next, when anyone waits for it
_SOON = 16  # so many are told that theirs comes soon


class Turns:
    """Turns of one event loop, in the order in which they were asked for: one in every fourth of its rounds.

    Requests wait for a decision while streams only wait for their turn, so however many those are, a round never has more than
    one of them. The busier the process, the more has come of a stream by its turn, and the less a chunk costs.
    """

    __slots__ = ("_is_taken", "_rounds", "_waiting")

    def __init__(self) -> None:
        self._is_taken = False
        self._rounds = 0  # until the next turn
        self._waiting: deque[tuple[asyncio.Future[None], Callable[[], None]]] = deque()

    async def next(self, comes_soon: Callable[[], None]) -> None:
        """Returns in the caller's turn. `comes_soon` is called when only a few others are left before it, if anyone is."""
        if not self._is_taken:
            self._take()
            return
        turn = asyncio.get_running_loop().create_future()
        self._waiting.append((turn, comes_soon))
        if len(self._waiting) <= _SOON:
            comes_soon()
        await turn

    def _take(self) -> None:
        self._is_taken, self._rounds = True, _ROUNDS
        asyncio.get_running_loop().call_soon(self._pass_on)

    def _pass_on(self) -> None:
        self._rounds -= 1
        if self._rounds and self._waiting:
            asyncio.get_running_loop().call_soon(self._pass_on)
            return
        self._is_taken = False
        while self._waiting and not self._is_taken:
            turn, _ = self._waiting.popleft()
            if len(self._waiting) >= _SOON:
                self._waiting[_SOON - 1][1]()
            if not turn.done():  # else whoever waited has gone
                turn.set_result(None)
                self._take()
