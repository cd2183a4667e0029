"""Slices of budgets that all processors of a site take from, in Redis or Valkey: leases.slices.Slices.

Who leased a slice is the one to close it, and gives it back once all that anybody took of it is in the ledger of record. What
Redis has lost (a flush, a restart, a replica that takes over) stays held in the ledger, expires there and is posted.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Collection, Sequence
from typing import Any

from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from gateway_ext.budget.leases.purses import Purse
from gateway_ext.budget.leases.rules import Draw, Lease
from gateway_ext.budget.redis import scripts
from gateway_ext.budget.redis.url import checked, password
from gateway_ext.limits import NANO

ANSWER_SECONDS = 0.25
QUEUE_SECONDS = 1.0  # for one of the connections
PAUSE_SECONDS = 2  # in which it is not asked after a failure: requests are reserved in the ledger
CONNECTIONS_MAX = 16
EXACT_NANO_MAX = 2**53 - 1
_MILLI = NANO // 1000

_log = logging.getLogger(__name__)


class RedisSlices:
    """Not connected before the first call. Nothing is tried twice: what was taken without our knowing is posted, never lost."""

    is_shared = True
    most_nano = EXACT_NANO_MAX

    def __init__(self, url: str, password_file: str = "") -> None:
        """Raises ConfigurationError for an address or a password file that cannot be used."""
        pool = BlockingConnectionPool.from_url(
            checked(url),
            password=password(password_file),
            socket_timeout=ANSWER_SECONDS,
            socket_connect_timeout=ANSWER_SECONDS,
            max_connections=CONNECTIONS_MAX,
            timeout=QUEUE_SECONDS,
            retry=Retry(NoBackoff(), 0),
            decode_responses=True,
        )
        self._redis: Redis = Redis.from_pool(pool)
        self._shared: set[str] = set()  # leases that others may have taken from
        self._take = self._redis.register_script(scripts.TAKE)
        self._use = self._redis.register_script(scripts.USE)
        self._written = self._redis.register_script(scripts.WRITTEN)
        self._close = self._redis.register_script(scripts.CLOSE)
        self._away_until_unix_nano = 0
        self._is_away = False

    async def take(self, purse: Purse, amount_nano: int, now_unix_nano: int) -> str | None:
        if now_unix_nano < self._away_until_unix_nano or amount_nano > EXACT_NANO_MAX:
            return None
        try:
            taken = await self._answered(self._take, purse.name, amount_nano, now_unix_nano // _MILLI)
        except RedisError:
            self._pause(now_unix_nano)
            return None
        lease_id, left_nano, was_taken = taken or ("", 0, 0)
        own = purse.lease
        if own is not None:
            if own.id == lease_id:
                own.left_nano, own.used_unix_nano = left_nano, now_unix_nano
            else:
                own.left_nano = 0  # somebody else's is in use, or none
        return lease_id if was_taken else None

    async def use(self, purse: Purse, lease: Lease) -> None:
        self._shared.add(lease.id)
        keep_milliseconds = max(1, (lease.expires_unix_nano - lease.used_unix_nano) // _MILLI)
        try:
            await self._answered(
                self._use,
                purse.name,
                lease.id,
                lease.left_nano,
                lease.usable_until_unix_nano // _MILLI,
                keep_milliseconds,
            )
        except RedisError:
            self._pause(lease.used_unix_nano)

    async def written(self, draws: Sequence[Draw]) -> None:
        counts = Counter(draw.lease_id for draw in draws)
        try:
            await self._answered(self._written, *(argument for pair in counts.items() for argument in pair))
        except RedisError:
            return  # these leases are then never known to be written: they expire

    async def close(self, leases: Collection[Lease], now_unix_nano: int) -> tuple[list[Lease], list[Lease]]:
        closed, lost = [], []
        for lease in leases:
            if lease.id not in self._shared:
                closed.append(lease)
                continue
            try:
                pending = await self._answered(self._close, lease.slice_name, lease.id)
            except RedisError:
                if now_unix_nano >= lease.expires_unix_nano:
                    lost.append(lease)
                continue
            if pending is None:
                lost.append(lease)
            elif int(pending) == 0:
                closed.append(lease)
        self._shared.difference_update(lease.id for lease in (*closed, *lost))
        return closed, lost

    async def disconnect(self) -> None:
        await self._redis.aclose()

    async def _answered(self, script: Any, *arguments: str | int) -> Any:
        answer = await script(args=arguments)
        if self._is_away:
            self._is_away = False
            _log.warning("redis: it answers again")
        return answer

    def _pause(self, now_unix_nano: int) -> None:
        self._away_until_unix_nano = now_unix_nano + PAUSE_SECONDS * NANO
        if not self._is_away:
            self._is_away = True
            _log.error("redis: it does not answer; requests are reserved in the ledger")
