"""A process of its own that writes to a shared ledger: `python -m tests.unit.budget.ledger_worker MODE PATH NAME COUNT`.

reserve: COUNT concurrent reserves of 1 against a limit given as LIMIT; prints how many were granted.
cycle: COUNT concurrent reserve + post; prints how many were settled.
die: COUNT reserves, prints "held" and is killed by SIGKILL with all of them open and more under way.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path

from gateway_ext.budget.sqlite_ledger import SqliteLedger
from gateway_ext.errors import BudgetExhausted
from gateway_ext.exchange import Usage
from tests.unit.budget.reservations import FixedClock, reservation

LIMIT = 300


async def main(mode: str, path: str, name: str, count: int) -> None:
    ledger = SqliteLedger(Path(path), FixedClock())
    await ledger.open()
    print("ready", flush=True)
    sys.stdin.readline()  # all processes start together

    async def one(number: int) -> bool:
        limit_nano = LIMIT if mode == "reserve" else 10**9
        try:
            hold = await ledger.reserve(reservation(f"{name}{number}", 1, limit_nano=limit_nano))
        except BudgetExhausted:
            return False
        if mode == "cycle":
            await ledger.post(hold.id, Usage(1, 0), "eu/model", "test")
        return True

    done = await asyncio.gather(*map(one, range(count)))
    print(done.count(True), flush=True)
    if mode == "die":
        under_way = [ledger.reserve(reservation(f"{name}late{number}", 1, limit_nano=10**9)) for number in range(50)]
        async with asyncio.TaskGroup() as group:
            for coroutine in under_way:
                group.create_task(coroutine)
            group.create_task(die())
    await ledger.close()


async def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])))
