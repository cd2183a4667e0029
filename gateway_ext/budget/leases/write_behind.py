"""Writes to the ledger of record what was granted from leases, many at a time, right behind the requests."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterable, Sequence

from gateway_ext.budget.leases.rules import Draw
from gateway_ext.budget.rules import Reservation
from gateway_ext.errors import LedgerUnavailable

PENDING_MAX = 4096  # one more is refused: the ledger has been away for too long
DRAWN_AT_ONCE = 64


class WriteBehind:
    """`draw` is the ledger's, `on_lost` is given the ids of leases that it knows nothing of."""

    def __init__(
        self,
        draw: Callable[[Sequence[Draw]], Awaitable[Collection[str]]],
        on_lost: Callable[[Collection[str]], None],
    ) -> None:
        self._draw = draw
        self._on_lost = on_lost
        self._pending: dict[str, Draw] = {}
        self._writing = asyncio.Lock()
        self.waiting = asyncio.Event()

    def require_room(self) -> None:
        """Raises LedgerUnavailable when too much is waiting."""
        if len(self._pending) >= PENDING_MAX:
            raise LedgerUnavailable(retry_after_seconds=1)

    def add(self, draw: Draw) -> None:
        self._pending[draw.reservation.id] = draw
        self.waiting.set()

    def pending(self, hold_id: str) -> Reservation | None:
        """What was granted under this id and is not yet written."""
        draw = self._pending.get(hold_id)
        return None if draw is None else draw.reservation

    async def write(self) -> None:
        """Write all that is pending now. Raises LedgerUnavailable; what is not written then stays pending."""
        async with self._writing:
            self.waiting.clear()
            draws = list(self._pending.values())
            try:
                for start in range(0, len(draws), DRAWN_AT_ONCE):
                    await self._write(draws[start : start + DRAWN_AT_ONCE])
            except BaseException:
                self.waiting.set()
                raise

    async def write_these(self, hold_ids: Iterable[str]) -> None:
        """As `write`, if any of them is pending."""
        if any(hold_id in self._pending for hold_id in hold_ids):
            await self.write()

    async def _write(self, draws: Sequence[Draw]) -> None:
        lost = await self._draw(draws)
        for draw in draws:
            if self._pending.get(draw.reservation.id) is draw:
                del self._pending[draw.reservation.id]
        if lost:
            self._on_lost(lost)
