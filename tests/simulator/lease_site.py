"""What processors with leases use: a ledger behind a network, and the slices they share, in a stand-in for Redis.

Answers take their time and may be lost, before or after what was asked is done. A processor that has died is heard of no more.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeVar

from redis.exceptions import ConnectionError as RedisAway

from gateway_ext.budget.leases.ledger import LeasedLedger
from gateway_ext.budget.leases.rules import LEASE_PREFIX, Draw, LeaseRules
from gateway_ext.budget.redis.slices import RedisSlices
from gateway_ext.budget.rules import Reservation, Settled, Settlement, TopUp
from gateway_ext.errors import LedgerUnavailable
from gateway_ext.exchange import Hold, Usage
from gateway_ext.limits import NANO
from tests.simulator.books import SqliteBooks
from tests.simulator.virtual_time import VirtualTimeLoop

BEGINS_UNIX_NANO = 1_774_915_140 * NANO
ANSWER_SECONDS = (0.0, 0.0, 0.001, 0.004)

Result = TypeVar("Result")


@dataclass
class Site:
    """`loses_answers`: the part of them, of a thousand. `lost_draws` are those whose lease the ledger did not know."""

    books: SqliteBooks
    loop: VirtualTimeLoop
    chance: random.Random
    is_ledger_away: bool = False
    is_redis_away: bool = False
    loses_answers: int = 0
    stalled_nano: int = 0
    lost_draws: list[Draw] = field(default_factory=list)
    redis: SlicesInRedis | None = None
    _ids: int = 0

    def now_unix_nano(self) -> int:
        return BEGINS_UNIX_NANO + int(self.loop.time() * NANO) + self.stalled_nano

    def new_id(self) -> str:
        self._ids += 1
        return str(self._ids)

    def answer_is_lost(self) -> bool:
        return self.loses_answers > self.chance.randrange(1_000)


class SlicesInRedis:
    """Does what budget/redis/scripts.py says, with dictionaries: test_slices_in_redis.py compares it to a real one."""

    def __init__(self, now_unix_nano: Callable[[], int]) -> None:
        self._now_unix_nano = now_unix_nano
        self._slices: dict[str, str] = {}
        self._leases: dict[str, dict[str, int]] = {}

    def forget(self) -> None:
        """All of it: a flush, a restart, a replica that takes over."""
        self._slices.clear()
        self._leases.clear()

    def take(self, name: str, amount_nano: int, now: int) -> list[object] | None:
        lease_id = self._slices.get(name, "")
        lease = self._lease(lease_id)
        if lease is None or lease["until"] <= now:
            return None
        if lease["left"] < amount_nano:
            return [lease_id, lease["left"], 0]
        lease["pending"] += 1
        lease["left"] -= amount_nano
        return [lease_id, lease["left"], 1]

    def use(self, name: str, lease_id: str, left: int, until: int, keep_milliseconds: int) -> None:
        ends = self._now_unix_nano() + keep_milliseconds * NANO // 1_000
        self._leases[lease_id] = {"left": left, "until": until, "pending": 0, "ends": ends}
        self._slices[name] = lease_id

    def written(self, *counts: Any) -> None:
        for lease_id, count in zip(counts[::2], counts[1::2], strict=True):
            lease = self._lease(lease_id)
            if lease is not None:
                lease["pending"] -= count

    def close(self, name: str, lease_id: str) -> str | None:
        if self._slices.get(name) == lease_id:
            del self._slices[name]
        lease = self._lease(lease_id)
        if lease is None:
            return None
        if not lease["pending"]:
            del self._leases[lease_id]
        return str(lease["pending"])

    def _lease(self, lease_id: str) -> dict[str, int] | None:
        lease = self._leases.get(lease_id)
        return None if lease is None or lease["ends"] <= self._now_unix_nano() else lease


class Processor:
    """One process: `leased` is what it asks. It implements LedgerOfRecord, by which that reaches the ledger."""

    def __init__(self, site: Site, rules: LeaseRules) -> None:
        self._site = site
        self.is_dead = False
        self.leases: set[str] = set()
        self._never: asyncio.Future[None] = site.loop.create_future()
        self.leased = LeasedLedger(self, site, rules, slices=self._slices())
        site.loop.run(self.leased.open())

    def _slices(self) -> RedisSlices | None:
        redis = self._site.redis
        if redis is None:
            return None
        slices = RedisSlices("redis://127.0.0.1:1/0")  # never connected
        for name in ("take", "use", "written", "close"):
            setattr(slices, f"_{name}", partial(self._ask_redis, getattr(redis, name)))
        return slices

    def die(self) -> None:
        self.is_dead = True
        for task in self.leased._tasks:
            task.cancel()

    # --- the network ----------------------------------------------------------------------------------------------

    async def _ask_redis(self, script: Callable[..., object], *, args: Sequence[object]) -> object:
        return await self._ask(lambda: script(*args), lambda: self._site.is_redis_away, RedisAway)

    async def _ask_ledger(self, work: Callable[[], Result]) -> Result:
        return await self._ask(work, lambda: self._site.is_ledger_away, LedgerUnavailable)

    async def _ask(self, work: Callable[[], Result], is_away: Callable[[], bool], lost: type[Exception]) -> Result:
        await self._travel()
        if is_away() or self._site.answer_is_lost():
            raise lost
        result = work()
        await self._travel()
        if is_away() or self._site.answer_is_lost():
            raise lost
        return result

    async def _travel(self) -> None:
        await asyncio.sleep(self._site.chance.choice(ANSWER_SECONDS))
        if self.is_dead:
            await self._never

    # --- LedgerOfRecord -------------------------------------------------------------------------------------------

    async def open(self) -> None: ...

    async def close(self) -> None: ...

    async def reserve(self, reservation: Reservation) -> Hold:
        if reservation.id.startswith(LEASE_PREFIX):
            self.leases.add(reservation.id)
        return await self._ask_ledger(lambda: self._site.books.reserve(reservation))

    async def settle_all(self, settlements: Sequence[Settlement]) -> list[Settled | None]:
        now, books = self._site.now_unix_nano, self._site.books
        return await self._ask_ledger(lambda: [books.settle(each, now()) for each in settlements])

    async def draw(self, draws: Sequence[Draw]) -> Collection[str]:
        def work() -> set[str]:
            lost = [drawn for drawn in draws if not self._site.books.draw(drawn)]
            self._site.lost_draws += lost
            return {drawn.lease_id for drawn in lost}

        return await self._ask_ledger(work)

    async def expire(self, now_unix_nano: int, limit: int = 500) -> list[Settled]:
        return await self._ask_ledger(lambda: self._site.books.expire(now_unix_nano, limit))

    async def post(
        self, hold_id: str, usage: Usage | None, cluster: str, settled_by: str, flags: tuple[str, ...] = ()
    ) -> Settled | None:
        (settled,) = await self.settle_all([Settlement(hold_id, usage, cluster, settled_by, flags)])
        return settled

    async def void(self, hold_id: str, settled_by: str, flags: tuple[str, ...] = ()) -> Settled | None:
        (settled,) = await self.settle_all([Settlement(hold_id, None, "", settled_by, flags)])
        return settled

    async def top_up(self, top_up: TopUp) -> None:
        raise NotImplementedError

    async def end_top_up(self, top_up_id: str, now_unix_nano: int) -> bool:
        raise NotImplementedError

    async def prune(self, now_unix_nano: int) -> int:
        raise NotImplementedError
