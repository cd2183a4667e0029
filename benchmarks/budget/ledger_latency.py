"""What the ledger costs a request: CPU and latency of reserve + post, one at a time and at 64 concurrent.

    python -m benchmarks.budget.ledger_latency [requests]

CPU is that of the whole process (event loop and writing thread) per reserve + post, on a fresh file with 1,000 users
in 20 teams, two accounts a request. `busy loop` adds 200 µs of Python work to each request, as a processor has.
"""

from __future__ import annotations

import asyncio
import platform
import statistics
import sys
import tempfile
import time
from pathlib import Path

import uvloop

from gateway_ext.budget import reserve
from gateway_ext.budget.prices import Price, always
from gateway_ext.budget.rules import BudgetRule, BudgetRules, Scope
from gateway_ext.budget.sqlite_ledger import SqliteLedger
from gateway_ext.clock import SystemClock
from gateway_ext.exchange import Candidate, CredentialClass, Estimate, Principal, Usage

CLOCK = SystemClock()
PRICES = {
    "eu/large": Price(3_000_000_000, 15_000_000_000, 300_000_000),
    "us/large": Price(2_500_000_000, 10**10, 10**9),
}
CANDIDATES = [Candidate(cluster, cluster, "large", "EU", "cloud") for cluster in PRICES]
RULES = BudgetRules(
    currency="EUR",
    hold_ttl_seconds=900,
    budgets=(BudgetRule("person", Scope.USER, "*", 10**17), BudgetRule("team", Scope.TEAM, "*", 10**18)),
    prices={cluster: always(price) for cluster, price in PRICES.items()},
)
PRINCIPALS = [
    Principal(f"user{n}@example.com", "person", "company", CredentialClass.PERSONAL, f"c{n}", team=f"team{n % 20}")
    for n in range(1000)
]


async def request(ledger: SqliteLedger, number: int, work_seconds: float) -> float:
    """One reserve + post; returns its latency in seconds without the simulated work."""
    if work_seconds:
        until = time.perf_counter() + work_seconds
        while time.perf_counter() < until:
            pass
    principal, now = PRINCIPALS[number % len(PRINCIPALS)], CLOCK.now_unix_nano()
    reservation = reserve.reservation(
        CLOCK.new_id(), principal, "large", Estimate(4_000, 1_000), CANDIDATES, RULES, now
    )
    began = time.perf_counter()
    hold = await ledger.reserve(reservation)
    reserved = time.perf_counter()
    await ledger.post(hold.id, Usage(1_000, 200), "eu/large", "access_log")
    return reserved - began


async def measure(name: str, requests: int, concurrency: int, work_seconds: float = 0.0) -> None:
    with tempfile.TemporaryDirectory() as directory:
        ledger = SqliteLedger(Path(directory) / "ledger.sqlite", CLOCK)
        await ledger.open()
        numbers = iter(range(requests))
        latencies: list[float] = []

        async def caller() -> None:
            latencies.extend([await request(ledger, number, work_seconds) for number in numbers])

        for number in range(1000):
            await request(ledger, number, 0.0)
        cpu_began, began = time.process_time(), time.perf_counter()
        async with asyncio.TaskGroup() as group:
            for _ in range(concurrency):
                group.create_task(caller())
        cpu, elapsed = time.process_time() - cpu_began, time.perf_counter() - began
        await ledger.close()
    cuts = statistics.quantiles(latencies, n=100)
    cpu_micros = (cpu / requests - work_seconds) * 1e6
    print(
        f"{name:24} {cpu_micros:6.0f} µs CPU  {requests / elapsed:7.0f} requests/s  reserve p50 {cuts[49] * 1e3:6.2f} ms"
        f"  p99 {cuts[98] * 1e3:6.2f} ms"
    )


async def main() -> None:
    requests = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    print(f"Python {platform.python_version()}, {platform.machine()}, {requests} requests each")
    await measure("alone", requests, 1)
    await measure("64 concurrent", requests, 64)
    await measure("64 concurrent, busy loop", requests, 64, work_seconds=200e-6)


if __name__ == "__main__":
    uvloop.run(main())  # as the processor does
