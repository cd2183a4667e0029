"""One processor's share of a crowd at the last cent: `python -m tests.faults.last_cent_caller LEDGER NAME REQUESTS [REDIS]`.

For each line `ask` that it reads, every request that has not been granted yet asks again, all at once; those granted are settled
at what they cost, which is less. Prints how many were granted and how many got no answer. With a Redis they are granted from
slices that all callers share; at each line `rest` some idle seconds pass, in which a processor gives back what it has leased.
Prints "ready" first and "rested" then.
"""

from __future__ import annotations

import asyncio
import sys

import pytest

from gateway_ext.budget.leases.ledger import LeasedLedger
from gateway_ext.budget.leases.rules import LeaseRules
from gateway_ext.budget.postgres.ledger import PostgresLedger
from gateway_ext.budget.redis.slices import RedisSlices
from gateway_ext.budget.rules import AccountLine
from gateway_ext.budget.sqlite_ledger import SqliteLedger
from gateway_ext.clock import SystemClock
from gateway_ext.errors import BudgetExhausted, LedgerUnavailable
from gateway_ext.exchange import Usage
from gateway_ext.limits import NANO
from tests.faults.ledger_at import ledger_at
from tests.unit.budget.reservations import reservation

AMOUNT_NANO, COST_NANO, LIMIT_NANO = 10, 6, 2_000
RULES = LeaseRules()
PATIENCE_SECONDS = 30  # with Redis: what it does not answer in time is posted, and this is about what fits


class RestedClock(SystemClock):
    """The real time, and the seconds of rest."""

    def __init__(self) -> None:
        super().__init__()
        self._rested_nano = 0

    def rest(self, seconds: int) -> None:
        self._rested_nano += seconds * NANO

    def now_unix_nano(self) -> int:
        return super().now_unix_nano() + self._rested_nano


class Caller:
    """A processor with so many `requests`, none of which is content with a refusal."""

    def __init__(self, ledger: SqliteLedger | PostgresLedger | LeasedLedger, name: str, requests: int) -> None:
        self._ledger = ledger
        self._waiting = {f"{name}-{number}" for number in range(requests)}

    async def ask_all(self) -> tuple[int, int]:
        """How many are granted, and how many get no answer."""
        answers = await asyncio.gather(*map(self._ask, sorted(self._waiting)))
        return answers.count(1), answers.count(-1)

    async def _ask(self, hold_id: str) -> int:
        """1: granted, 0: refused, -1: no answer."""
        user = AccountLine(f"user-{hold_id[-1]}", "per-user", 10**9)
        team = AccountLine("team", "per-team", LIMIT_NANO)
        try:
            await self._ledger.reserve(reservation(hold_id, AMOUNT_NANO, user, team))
        except BudgetExhausted:
            return 0
        except LedgerUnavailable:
            return -1
        self._waiting.discard(hold_id)
        await self._settle(hold_id)
        return 1

    async def _settle(self, hold_id: str) -> None:
        while True:
            try:
                await self._ledger.post(hold_id, Usage(COST_NANO, 0), "eu/model", "test")
            except LedgerUnavailable:
                continue
            return


async def main(address: str, name: str, requests: int, redis_url: str = "") -> None:
    record, clock = ledger_at(address), RestedClock()
    ledger: SqliteLedger | PostgresLedger | LeasedLedger = record
    if redis_url:
        pytest.MonkeyPatch().setattr("gateway_ext.budget.redis.slices.ANSWER_SECONDS", PATIENCE_SECONDS)
        pytest.MonkeyPatch().setattr("gateway_ext.budget.redis.slices.QUEUE_SECONDS", PATIENCE_SECONDS)
        ledger = LeasedLedger(record, clock, RULES, slices=RedisSlices(redis_url))
    await ledger.open()
    caller = Caller(ledger, name, requests)
    print("ready", flush=True)
    for line in iter(sys.stdin.readline, ""):
        if line == "ask\n":
            print(*await caller.ask_all(), flush=True)
            continue
        clock.rest(RULES.idle_seconds + 1)
        if isinstance(ledger, LeasedLedger):
            await ledger.tend()  # as it does by itself each second
        print("rested", flush=True)
    await ledger.close()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3]), *sys.argv[4:]))
