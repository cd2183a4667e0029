"""The ledger port over another ledger, without a round trip for most requests.

A request is granted from a lease in this process's memory, and made a hold of its own in the ledger of record right behind
(`draw`), together with others: from then on it is settled, expired, corrected and reported as any other, by any processor.
What a process that dies has granted and not yet written, some milliseconds' worth, is covered by what is left of its leases:
these expire and are posted in full.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from typing import Protocol, TypeVar

from gateway_ext.budget.leases.purses import Purse, Purses
from gateway_ext.budget.leases.reachability import Reachability
from gateway_ext.budget.leases.rules import Draw, Lease, LeaseRules, lease_of
from gateway_ext.budget.leases.slices import OwnSlices, Slices
from gateway_ext.budget.leases.write_behind import WriteBehind
from gateway_ext.budget.rules import Reservation, Settled, Settlement, TopUp
from gateway_ext.errors import BudgetExhausted, LedgerUnavailable
from gateway_ext.exchange import Hold, Usage
from gateway_ext.limits import NANO

LINGER_SECONDS = 0.01  # that what was granted waits for others to be written with
TEND_SECONDS = 1.0
CLOSING_ATTEMPTS = 10
CLOSING_SECONDS = 0.02  # between them: others, that run, write within LINGER_SECONDS
LATE_SECONDS = (0.1, 0.5)  # Envoy may report an end to another processor before the one that granted has written it
SECOND_ATTEMPTS_MAX = 4  # at a time: at its end a budget refuses many at once, who must not keep others from the ledger

_log = logging.getLogger(__name__)

Result = TypeVar("Result")


class Clock(Protocol):
    def now_unix_nano(self) -> int: ...
    def new_id(self) -> str: ...


class LedgerOfRecord(Protocol):
    """ports.Ledger, opened and closed from here, and `draw`."""

    async def draw(self, draws: Sequence[Draw]) -> Collection[str]:
        """Make parts of leases holds of their own; each is idempotent by the hold's id. The ids of leases that are not there.

        Of a lease that has expired, and so is posted, the part is held again: whoever settles it corrects the books.
        """
        ...

    async def open(self) -> None: ...
    async def close(self) -> None: ...
    async def reserve(self, reservation: Reservation) -> Hold: ...
    async def settle_all(self, settlements: Sequence[Settlement]) -> list[Settled | None]: ...
    async def top_up(self, top_up: TopUp) -> None: ...
    async def end_top_up(self, top_up_id: str, now_unix_nano: int) -> bool: ...
    async def expire(self, now_unix_nano: int, limit: int = 500) -> list[Settled]: ...
    async def prune(self, now_unix_nano: int) -> int: ...
    async def post(
        self, hold_id: str, usage: Usage | None, cluster: str, settled_by: str, flags: tuple[str, ...] = ()
    ) -> Settled | None: ...
    async def void(self, hold_id: str, settled_by: str, flags: tuple[str, ...] = ()) -> Settled | None: ...


class LeasedLedger:
    """Implements ports.Ledger, whose docstrings are the contract, but for this: reserving under an id that the ledger of record
    knows already may be granted again from a lease; its books are not changed by that.

    `admits_alone`: whether to go on granting from leases while the ledger does not answer.
    """

    def __init__(
        self,
        ledger: LedgerOfRecord,
        clock: Clock,
        rules: LeaseRules = LeaseRules(),  # noqa: B008  (frozen)
        admits_alone: Callable[[], bool] = lambda: False,
        slices: Slices | None = None,
    ) -> None:
        self._ledger = ledger
        self._clock = clock
        self._rules = rules
        self._record = Reachability(admits_alone)
        self._purses = Purses(rules)
        self._slices = slices or OwnSlices()
        self._behind = WriteBehind(self._draw, self._forget)
        self._returning = asyncio.Lock()
        self._second_attempts = asyncio.Semaphore(SECOND_ATTEMPTS_MAX)
        self._reserving: dict[str, asyncio.Task[Hold]] = {}
        self._asking_ahead: set[asyncio.Task[None]] = set()
        self._tasks: list[asyncio.Task[None]] = []
        self._is_open = False

    async def open(self) -> None:
        """Raises ConfigurationError as the ledger of record does."""
        await self._ledger.open()
        self._is_open = True
        loop = asyncio.get_running_loop()
        self._tasks = [
            loop.create_task(self._keep_writing(), name="leases: write"),
            loop.create_task(self._keep_tending(), name="leases: tend"),
        ]

    async def close(self) -> None:
        """Give all back. What cannot be given back now is posted in full when it expires."""
        if under_way := {*self._reserving.values(), *self._asking_ahead}:
            await asyncio.wait(under_way)
        self._is_open = False  # for wait_for of Python 3.11, which redis-py uses, may lose a cancellation
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks = []
        try:
            for _ in range(CLOSING_ATTEMPTS):  # others may be about to write what they took of a shared slice
                await self.give_back_all()
                if not self._purses.retired:
                    break
                await asyncio.sleep(CLOSING_SECONDS)
        except LedgerUnavailable:
            _log.error(
                "leases: %d could not be given back; they are posted when they expire", len(self._purses.retired)
            )
        await self._slices.disconnect()
        await self._ledger.close()

    def leased_nano(self) -> Mapping[str, int]:
        """What is leased and granted to nobody, by account."""
        return self._purses.left_nano()

    # --- reserve ------------------------------------------------------------------------------------------------

    async def reserve(self, reservation: Reservation) -> Hold:
        known = self._behind.pending(reservation.id)
        if known is not None:
            return Hold(known.id, known.amount_nano, known.currency)
        purse = self._purses.purse_for(reservation)
        if purse is not None:
            purse.demand.note(self._clock.now_unix_nano(), self._rules)
            if not self._slices.is_shared:
                hold = await self._grant(purse, reservation)
                if hold is not None:
                    return hold
        task = asyncio.get_running_loop().create_task(self._ask(purse, reservation), name="reserve")
        self._reserving[reservation.id] = task
        task.add_done_callback(lambda done: self._reserved(reservation.id, done))
        return await asyncio.shield(task)  # a void behind a cancelled reservation finds what it was granted

    def _reserved(self, hold_id: str, done: asyncio.Task[Hold]) -> None:
        if self._reserving.get(hold_id) is done:
            del self._reserving[hold_id]
        if not done.cancelled():
            done.exception()  # seen, should nobody wait for it any more

    async def _grant(self, purse: Purse, reservation: Reservation) -> Hold | None:
        """Without a round trip to the ledger, if there is a lease with room."""
        if not self._record.may_grant():
            return None
        self._behind.require_room()
        lease_id = await self._slices.take(purse, reservation.amount_nano, self._clock.now_unix_nano())
        if lease_id is None:
            return None
        self._behind.add(Draw(lease_id, reservation))
        if purse.is_low(self._rules) and not self._record.is_away and not purse.asking.locked():
            self._ask_ahead(purse, reservation)
        return Hold(reservation.id, reservation.amount_nano, reservation.currency)

    def _ask_ahead(self, purse: Purse, reservation: Reservation) -> None:
        """For the next slice, so that no request waits for it."""

        async def ask() -> None:
            async with purse.asking:
                with contextlib.suppress(LedgerUnavailable):
                    await self._lease(purse, reservation)

        task = asyncio.get_running_loop().create_task(ask(), name="lease")
        self._asking_ahead.add(task)
        task.add_done_callback(self._asking_ahead.discard)

    async def _ask(self, purse: Purse | None, reservation: Reservation) -> Hold:
        hold: Hold | None = None
        if purse is not None and self._slices.is_shared:
            hold = await self._grant(purse, reservation)
            if hold is not None:
                return hold
        if purse is not None and not self._record.is_away:
            async with purse.asking:
                hold = await self._grant(purse, reservation)  # somebody else may have asked meanwhile
                if hold is None and await self._lease(purse, reservation):
                    hold = await self._grant(purse, reservation)
            if hold is not None:
                return hold
        return await self._reserve_exactly(reservation)

    async def _lease(self, purse: Purse, reservation: Reservation) -> bool:
        """Whether the purse has a new lease."""
        now_unix_nano, demand = self._clock.now_unix_nano(), purse.demand
        if purse.lease is not None and 2 * purse.lease.left_nano > demand.slice_nano:
            return False  # an uncommonly large request: the lease is good for the others
        wanted_nano = demand.wanted_nano(reservation, now_unix_nano, self._rules)
        if not 0 < wanted_nano <= self._slices.most_nano:
            return False
        asked = lease_of(reservation, self._clock.new_id(), wanted_nano, now_unix_nano, self._rules)
        lease = Lease(
            id=asked.id,
            accounts=frozenset(line.key for line in reservation.lines),
            left_nano=wanted_nano,
            usable_until_unix_nano=asked.expires_unix_nano - self._rules.margin_seconds * NANO,
            expires_unix_nano=asked.expires_unix_nano,
            slice_name=purse.name,
            used_unix_nano=now_unix_nano,
        )
        try:
            hold = await self._record.answered(self._ledger.reserve(asked))
        except BudgetExhausted as refusal:
            demand.refused(refusal.room_nano, now_unix_nano, self._rules)
            return False
        except LedgerUnavailable:
            self._purses.retire(lease)  # it may be held all the same
            raise
        # Before anybody here may give it back: slices that do not know it yet would take it for lost.
        await self._slices.use(purse, lease)
        if hold.over:  # a soft budget: told only of requests that do exceed it
            demand.refused(None, now_unix_nano, self._rules)
        if now_unix_nano < demand.paused_until_unix_nano:  # by now, maybe, because somebody is short of money
            self._purses.retire(lease)
            await self._give_back()
            return False
        self._purses.use(purse, lease)
        demand.granted(wanted_nano, now_unix_nano)
        return True

    async def _reserve_exactly(self, reservation: Reservation) -> Hold:
        try:
            return await self._record.answered(self._ledger.reserve(reservation))
        except BudgetExhausted:
            if not self._purses.retire_sharing(reservation, self._clock.now_unix_nano()):
                raise
        await self._give_back()
        async with self._second_attempts:
            return await self._record.answered(self._ledger.reserve(reservation))

    # --- settle -------------------------------------------------------------------------------------------------

    async def post(
        self, hold_id: str, usage: Usage | None, cluster: str, settled_by: str, flags: tuple[str, ...] = ()
    ) -> Settled | None:
        await self._written([hold_id])
        return await self._record.answered(self._ledger.post(hold_id, usage, cluster, settled_by, flags))

    async def void(self, hold_id: str, settled_by: str, flags: tuple[str, ...] = ()) -> Settled | None:
        await self._written([hold_id])
        return await self._record.answered(self._ledger.void(hold_id, settled_by, flags))

    async def settle_all(self, settlements: Sequence[Settlement]) -> list[Settled | None]:
        await self._written([each.hold_id for each in settlements])
        settled = await self._record.answered(self._ledger.settle_all(settlements))
        for seconds in LATE_SECONDS:
            late = [place for place, one in enumerate(settled) if one is None]
            if late:
                await asyncio.sleep(seconds)
                with contextlib.suppress(LedgerUnavailable):  # the others are settled, and that must be known
                    found = await self._record.answered(self._ledger.settle_all([settlements[place] for place in late]))
                    for place, one in zip(late, found, strict=True):
                        settled[place] = one
        return settled

    async def top_up(self, top_up: TopUp) -> None:
        await self._ledger.top_up(top_up)

    async def end_top_up(self, top_up_id: str, now_unix_nano: int) -> bool:
        return await self._ledger.end_top_up(top_up_id, now_unix_nano)

    async def expire(self, now_unix_nano: int, limit: int = 500) -> list[Settled]:
        await self._behind.write()
        return await self._ledger.expire(now_unix_nano, limit)

    async def prune(self, now_unix_nano: int) -> int:
        return await self._ledger.prune(now_unix_nano)

    async def _written(self, hold_ids: Collection[str]) -> None:
        """Once this is done, the ledger of record knows what this process has granted under these ids."""
        under_way = [task for hold_id in hold_ids if (task := self._reserving.get(hold_id)) is not None]
        if under_way:
            await asyncio.wait(under_way)
        await self._behind.write_these(hold_ids)

    # --- beside the requests ------------------------------------------------------------------------------------

    async def tend(self) -> None:
        """Write what is pending, give back what is idle or near its end. Raises LedgerUnavailable; it is then still to be done."""
        await self._behind.write()
        self._purses.retire_idle(self._clock.now_unix_nano())
        await self._give_back()

    async def give_back_all(self) -> None:
        """Raises LedgerUnavailable; it is then still to be given back."""
        self._purses.retire_all()
        await self._behind.write()
        await self._give_back()

    async def _give_back(self) -> None:
        async with self._returning:
            retired = self._purses.retired
            if retired:
                # All that was granted from them first: what is left of them is then what nobody was granted.
                await self._behind.write()
                leases, lost = await self._slices.close(retired, self._clock.now_unix_nano())
                self._purses.returned(lost)  # never to be asked about again, whether the ledger answers now or not
                closings = [Settlement(lease.id, None, "", "lease") for lease in leases]
                if closings:
                    await self._record.answered(self._ledger.settle_all(closings))
                self._purses.returned(leases)

    async def _keep_writing(self) -> None:
        while self._is_open:
            await self._behind.waiting.wait()
            await asyncio.sleep(LINGER_SECONDS)
            if not await self._done(self._behind.write()):
                await asyncio.sleep(TEND_SECONDS)

    async def _keep_tending(self) -> None:
        while self._is_open:
            await asyncio.sleep(TEND_SECONDS)
            await self._done(self.tend())

    async def _done(self, work: Awaitable[None]) -> bool:
        try:
            await work
        except LedgerUnavailable:
            return False
        except Exception as error:  # noqa: BLE001  (tried again; the type only: a text might carry what it failed on)
            _log.error("leases: could not be written: %s", type(error).__name__)
            return False
        return True

    async def _draw(self, draws: Sequence[Draw]) -> Collection[str]:
        lost = await self._record.answered(self._ledger.draw(draws))
        await self._slices.written(draws)
        return lost

    def _forget(self, lease_ids: Collection[str]) -> None:
        self._purses.retire_these(lease_ids)
        _log.error("leases: the ledger has lost %d; requests granted from them count on no account", len(lease_ids))
