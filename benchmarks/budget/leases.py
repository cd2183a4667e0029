"""What leases save: a request's wait for its reservation, and the ledger's work, on SQLite and on a PostgreSQL and a Redis of its own.

    python -m benchmarks.budget.leases [requests]

Callers ask one after the other, in 16 streams at a time, and ended requests are settled 64 at a time, as Envoy reports them.
`persons`: 40 people, each with a budget, in 4 teams with one. `team`: all of them on one budget.
"""

from __future__ import annotations

import asyncio
import platform
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import uvloop

from benchmarks.budget.ledger_latency import CANDIDATES, CLOCK, RULES
from gateway_ext.budget import reserve
from gateway_ext.budget.leases.ledger import LeasedLedger
from gateway_ext.budget.postgres.ledger import PostgresLedger
from gateway_ext.budget.postgres.migrate import migrate
from gateway_ext.budget.redis.slices import RedisSlices
from gateway_ext.budget.rules import BudgetRules, Settlement
from gateway_ext.budget.sqlite_ledger import SqliteLedger
from gateway_ext.exchange import CredentialClass, Estimate, Principal, Usage
from tests.servers.postgres import running_postgres
from tests.servers.redis import running_redis

STREAMS = 16
PEOPLE = 40
SETTLED_AT_ONCE = 64

Ledger = SqliteLedger | PostgresLedger | LeasedLedger


def principal(number: int) -> Principal:
    person = number % PEOPLE
    return Principal(
        f"user{person}@example.com",
        "person",
        "company",
        CredentialClass.PERSONAL,
        f"c{person}",
        team=f"team{person % 4}",
    )


def with_leases(ledger: SqliteLedger | PostgresLedger, leases: str, redis_url: str) -> Ledger:
    if leases == "off":
        return ledger
    return LeasedLedger(ledger, CLOCK, slices=RedisSlices(redis_url) if leases == "in Redis" else None)


async def measure(name: str, ledger: Ledger, rules: BudgetRules, requests: int) -> None:
    await ledger.open()
    numbers = iter(range(requests))
    latencies: list[float] = []
    ended: list[Settlement] = []

    async def caller() -> None:
        for number in numbers:
            now = CLOCK.now_unix_nano()
            asked = reserve.reservation(
                CLOCK.new_id(), principal(number), "large", Estimate(4_000, 1_000), CANDIDATES, rules, now
            )
            began = time.perf_counter()
            hold = await ledger.reserve(asked)
            latencies.append(time.perf_counter() - began)
            ended.append(Settlement(hold.id, Usage(1_000, 200), "eu/large", "access_log"))
            if len(ended) >= SETTLED_AT_ONCE:
                batch = ended[:]
                ended.clear()
                assert all(await ledger.settle_all(batch))
            await asyncio.sleep(0)

    cpu_began, began = time.process_time(), time.perf_counter()
    async with asyncio.TaskGroup() as group:
        for _ in range(STREAMS):
            group.create_task(caller())
    await ledger.settle_all(ended)
    cpu, elapsed = time.process_time() - cpu_began, time.perf_counter() - began
    await ledger.close()
    print(
        f"{name:34} {requests / elapsed:7.0f} requests/s {cpu / requests * 1e6:6.0f} µs CPU"
        f"   reserve {_percentiles(latencies)}"
    )


def _percentiles(seconds: Sequence[float]) -> str:
    cuts = statistics.quantiles(seconds, n=100)
    return f"p50 {cuts[49] * 1e3:6.3f} ms  p90 {cuts[89] * 1e3:6.3f} ms  p99 {cuts[98] * 1e3:6.2f} ms"


async def main() -> None:
    requests = int(sys.argv[1]) if len(sys.argv) > 1 else 5_000
    print(f"Python {platform.python_version()}, {platform.machine()}, {requests} requests each, {STREAMS} at a time")
    workloads = {"persons": RULES, "team": BudgetRules("EUR", 900, RULES.budgets[1:], RULES.prices)}
    with tempfile.TemporaryDirectory() as directory, running_postgres() as server, running_redis() as redis:
        for name, rules in workloads.items():
            for leases in ("off", "on", "in Redis"):
                label = f"{name}, leases {leases}"
                lite = SqliteLedger(Path(directory) / f"{label}.sqlite", CLOCK)
                await measure(f"SQLite, {label}", with_leases(lite, leases, redis.url), rules, requests)
                schema = f"{name}_{leases}".lower().replace(" ", "_")
                await asyncio.to_thread(migrate, server.url, schema=schema)
                post = PostgresLedger(server.url, CLOCK, schema=schema)
                await measure(f"PostgreSQL, {label}", with_leases(post, leases, redis.url), rules, requests)


if __name__ == "__main__":
    uvloop.run(main())  # as the processor does
