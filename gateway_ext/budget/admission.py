"""In front of the ledger: who finds a shared quota short may wait a little for a place, in fair order, instead of a 429.

One queue for each quota that is short, in this process. Only the one whose turn it is asks the ledger; who comes newly does
not overtake those that wait. A turn ends when its request is admitted, refused for another reason, out of time or cancelled.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace

from gateway_ext.budget.fair_queue import FairQueue, Ticket
from gateway_ext.budget.priorities import PriorityClass
from gateway_ext.budget.rules import Reservation
from gateway_ext.errors import RateLimited
from gateway_ext.exchange import Hold
from gateway_ext.limits import QUOTA_WAITING_BYTES_MAX, QUOTA_WAITING_MAX

Turn = asyncio.Future[None]


@dataclass(frozen=True, slots=True)
class Applicant:
    """Who asks: the class of the request, its user, the bytes that stay in memory while it waits, and until when (the event
    loop's time) it may wait."""

    priority: PriorityClass
    user: str
    request_bytes: int
    waits_until: float


@dataclass(slots=True)
class _Line:
    """Before one quota. `first` is asking the ledger, or waits until it is worth asking."""

    queue: FairQueue[Turn] = field(default_factory=FairQueue)
    first: Ticket[Turn] | None = None


class Admission:
    """One in each processor. `reserve` is that of the ledger."""

    def __init__(self, reserve: Callable[[Reservation], Awaitable[Hold]], now_unix_nano: Callable[[], int]) -> None:
        self._reserve = reserve
        self._now_unix_nano = now_unix_nano
        self._lines: dict[str, _Line] = {}
        self._waiting = 0
        self._waiting_bytes = 0

    @property
    def waiting(self) -> int:
        """How many wait."""
        return self._waiting

    async def reserve(self, reservation: Reservation, applicant: Applicant) -> Hold:
        """As ports.Ledger.reserve, but later, if need be."""
        occupied = [line.key for line in reservation.quotas if line.key in self._lines] if self._lines else []
        if not occupied:
            try:
                return await self._reserve(reservation)
            except RateLimited as refusal:
                key, last = refusal.waits_at, refusal
        else:
            key, last = occupied[0], RateLimited("Others wait for a quota that applies here.", retry_after_seconds=1)
        if not key or applicant.waits_until <= asyncio.get_running_loop().time() or self._is_full(applicant):
            raise last
        self._waiting += 1
        self._waiting_bytes += applicant.request_bytes
        try:
            return await self._wait(key, last, reservation, applicant)
        finally:
            self._waiting -= 1
            self._waiting_bytes -= applicant.request_bytes

    def _is_full(self, applicant: Applicant) -> bool:
        return self._waiting >= QUOTA_WAITING_MAX or (
            self._waiting_bytes + applicant.request_bytes > QUOTA_WAITING_BYTES_MAX
        )

    async def _wait(self, key: str, last: RateLimited, reservation: Reservation, applicant: Applicant) -> Hold:
        """In the line at `key`, then in that of whatever quota is short when its turn comes. Raises the last refusal."""
        while key:
            ticket = self._enter(key, reservation, applicant)
            known = last if ticket.item.done() and last.waits_at == key else None  # the ledger has just been asked
            try:
                async with asyncio.timeout_at(applicant.waits_until):
                    await ticket.item
                return await self._ask(key, known, reservation, applicant.waits_until)
            except TimeoutError:
                break
            except RateLimited as refusal:
                last = refusal
            finally:
                self._leave(key, ticket)
            key = last.waits_at if last.waits_at != key else ""
        raise last

    async def _ask(self, key: str, known: RateLimited | None, reservation: Reservation, until: float) -> Hold:
        """As often as it takes. Raises RateLimited when time is out, and when something else than `key` is short."""
        loop = asyncio.get_running_loop()
        while True:
            if known is not None:
                if known.waits_at != key or loop.time() + known.wait_seconds > until:
                    raise known
                await asyncio.sleep(known.wait_seconds)
            try:
                return await self._reserve(self._as_of_now(reservation))  # never cut off: it might have held
            except RateLimited as refusal:
                known = refusal

    def _as_of_now(self, reservation: Reservation) -> Reservation:
        now_unix_nano = self._now_unix_nano()
        waited_nano = now_unix_nano - reservation.created_unix_nano
        return replace(
            reservation,
            created_unix_nano=now_unix_nano,
            expires_unix_nano=reservation.expires_unix_nano + waited_nano,
        )

    def _enter(self, key: str, reservation: Reservation, applicant: Applicant) -> Ticket[Turn]:
        cost = max(1, next(line.step for line in reservation.quotas if line.key == key))
        turn: Turn = asyncio.get_running_loop().create_future()
        ticket = Ticket(turn, applicant.priority, applicant.user, cost)
        self._lines.setdefault(key, _Line()).queue.push(ticket)
        self._next(key)
        return ticket

    def _next(self, key: str) -> None:
        line = self._lines[key]
        while line.first is None and (ticket := line.queue.pop()) is not None:
            if not ticket.item.done():  # else its time is over, and it is about to leave
                line.first = ticket
                ticket.item.set_result(None)

    def _leave(self, key: str, ticket: Ticket[Turn]) -> None:
        line = self._lines.get(key)
        if line is None:  # it was passed over while it was about to leave, and nobody else is there
            return
        if line.first is ticket:
            line.first = None
            self._next(key)
        else:
            line.queue.remove(ticket)
        if line.first is None and not len(line.queue):
            del self._lines[key]
