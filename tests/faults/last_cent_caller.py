"""One processor's share of a crowd at the last cent: `python -m tests.faults.last_cent_caller LEDGER NAME REQUESTS`.

For each line it reads, every request that has not been granted yet asks again, all at once; those granted are settled at what
they cost, which is less. Prints "ready" first, then for each round how many were granted and how many got no answer.
"""

from __future__ import annotations

import asyncio
import sys

from gateway_ext.budget.rules import AccountLine
from gateway_ext.errors import BudgetExhausted, LedgerUnavailable
from gateway_ext.exchange import Usage
from tests.faults.ledger_at import ledger_at
from tests.unit.budget.reservations import reservation

AMOUNT_NANO, COST_NANO, LIMIT_NANO = 10, 6, 2_000


async def main(address: str, name: str, requests: int) -> None:
    ledger = ledger_at(address)
    await ledger.open()
    waiting = {f"{name}-{number}" for number in range(requests)}

    async def ask(hold_id: str) -> int:
        """1: granted, 0: refused, -1: no answer."""
        user = AccountLine(f"user-{hold_id[-1]}", "per-user", 10**9)
        try:
            await ledger.reserve(reservation(hold_id, AMOUNT_NANO, user, AccountLine("team", "per-team", LIMIT_NANO)))
        except BudgetExhausted:
            return 0
        except LedgerUnavailable:
            return -1
        waiting.discard(hold_id)
        await settle(hold_id)
        return 1

    async def settle(hold_id: str) -> None:
        while True:
            try:
                await ledger.post(hold_id, Usage(COST_NANO, 0), "eu/model", "test")
            except LedgerUnavailable:
                continue
            return

    print("ready", flush=True)
    for _ in iter(sys.stdin.readline, ""):
        answers = await asyncio.gather(*map(ask, sorted(waiting)))
        print(answers.count(1), answers.count(-1), flush=True)
    await ledger.close()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3])))
