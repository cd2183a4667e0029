"""A process of its own that reserves by leases until it is killed: `python -m tests.unit.budget.leases.lease_worker PATH NAME`.

Prints the id of each request once it is granted, as a processor would forward it.
"""

from __future__ import annotations

import asyncio
import itertools
import sys
from dataclasses import replace
from pathlib import Path

from gateway_ext.budget.leases.ledger import LeasedLedger
from gateway_ext.budget.leases.rules import LeaseRules
from gateway_ext.budget.rules import AccountLine
from gateway_ext.budget.sqlite_ledger import SqliteLedger
from gateway_ext.clock import SystemClock
from gateway_ext.errors import BudgetExhausted
from gateway_ext.limits import NANO
from tests.unit.budget.reservations import reservation

LIMIT = 100_000
AMOUNT = 10
TTL_SECONDS = 900


async def main(path: str, name: str) -> None:
    clock = SystemClock()
    ledger = LeasedLedger(SqliteLedger(Path(path), clock), clock, LeaseRules(warm_requests=0))
    await ledger.open()
    for number in itertools.count():
        now = clock.now_unix_nano()
        asked = replace(
            reservation(f"{name}{number}", AMOUNT, AccountLine("team", "per-team", LIMIT)),
            created_unix_nano=now,
            expires_unix_nano=now + TTL_SECONDS * NANO,
        )
        try:
            await ledger.reserve(asked)
        except BudgetExhausted:
            await asyncio.sleep(0.01)
            continue
        print(asked.id, flush=True)
        if number % 10 == 0:
            await asyncio.sleep(0.001)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2]))
