"""What each ledger costs a request: latency of reserve and post, and how many of both it does a second.

    python -m benchmarks.budget.ledgers [--seconds 2] [--json FILE]

A request reserves on two accounts and is settled at once, one by one: nothing between, and none of the batches in which a
gateway settles. *Hot*: one user, one team. *Spread*: 1,000 users in 20 teams. Ratios are to SQLite in the same run. PostgreSQL
is on the same machine and cores, waits for its disk (fsync, synchronous_commit), and as one that does not.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import uvloop

from benchmarks.machine.processes import PROJECT
from gateway_ext.budget.leases.ledger import LeasedLedger
from gateway_ext.budget.postgres.ledger import PostgresLedger
from gateway_ext.budget.postgres.migrate import migrate
from gateway_ext.budget.prices import Price
from gateway_ext.budget.rules import AccountLine, Payer, Reservation
from gateway_ext.budget.sqlite_ledger import SqliteLedger
from gateway_ext.clock import SystemClock
from gateway_ext.errors import LedgerUnavailable
from gateway_ext.exchange import Estimate, Usage
from gateway_ext.limits import NANO
from gateway_ext.ports import Ledger
from tests.servers.postgres import running_postgres

CLOCK = SystemClock()
PRICES = {"eu/large": Price(3_000_000_000, 15_000_000_000, 300_000_000)}
LIMIT_NANO = 10**17
WITH_LEASES = "leases+"
LOADS = ((1, 1, False), (1, 1, True), *((processes, 64, hot) for processes in (1, 2, 4) for hot in (False, True)))


@dataclass(frozen=True, slots=True)
class Figures:
    """Latencies in milliseconds. `unanswered` requests got no answer in time, and count for nothing else."""

    ledger: str
    processes: int
    concurrent: int  # in all processes together
    accounts: str
    per_second: float
    reserve_p50: float
    reserve_p99: float
    post_p50: float
    post_p99: float
    unanswered: int


# --- one process of the load ------------------------------------------------------------------------------------------


def ledger_at(address: str) -> SqliteLedger | PostgresLedger | LeasedLedger:
    if address.startswith(WITH_LEASES):
        record = ledger_at(address.removeprefix(WITH_LEASES))
        assert not isinstance(record, LeasedLedger)
        return LeasedLedger(record, CLOCK)
    return PostgresLedger(address, CLOCK) if "://" in address else SqliteLedger(Path(address), CLOCK)


def reservation(number: int, *, is_hot: bool) -> Reservation:
    user, team = (0, 0) if is_hot else (number % 1_000, number % 20)
    now = CLOCK.now_unix_nano()
    lines = [AccountLine(name, name, LIMIT_NANO, budget=name) for name in (f"user-{user}", f"team-{team}")]
    return Reservation(
        CLOCK.new_id(), tuple(lines), 30_000_000, "EUR", Estimate(4_000, 1_000), PRICES, Payer(f"user-{user}"), "large",
        now, now + 900 * NANO,
    )  # fmt: skip


async def work(address: str, concurrent: int, seconds: float, *, is_hot: bool) -> None:
    """Waits for a line, then writes [[reserve, post] in seconds …, unanswered, elapsed seconds] as JSON."""
    ledger = ledger_at(address)
    await ledger.open()
    print("ready", flush=True)
    sys.stdin.readline()
    latencies: list[tuple[float, float]] = []
    began = time.perf_counter()

    async def caller(first: int) -> int:
        number, unanswered = first, 0
        while time.perf_counter() < began + seconds:
            number += concurrent
            try:
                latencies.append(await request(ledger, reservation(number, is_hot=is_hot)))
            except LedgerUnavailable:
                unanswered += 1
        return unanswered

    unanswered = await asyncio.gather(*map(caller, range(concurrent)))
    elapsed = time.perf_counter() - began
    await ledger.close()
    print(json.dumps([latencies, sum(unanswered), elapsed]))


async def request(ledger: Ledger, asked: Reservation) -> tuple[float, float]:
    began = time.perf_counter()
    hold = await ledger.reserve(asked)
    reserved = time.perf_counter()
    await ledger.post(hold.id, Usage(1_000, 200), "eu/large", "access_log")
    return reserved - began, time.perf_counter() - reserved


# --- all of it --------------------------------------------------------------------------------------------------------


def measure(name: str, address: str, processes: int, concurrent: int, seconds: float, *, is_hot: bool) -> Figures:
    command = [
        sys.executable,
        "-m",
        "benchmarks.budget.ledgers",
        "--work",
        address,
        "--concurrent",
        str(concurrent // processes),
    ]
    command += ["--seconds", str(seconds), *(["--hot"] if is_hot else [])]
    workers = [
        subprocess.Popen(command, cwd=PROJECT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for _ in range(processes)
    ]
    for worker in workers:
        assert worker.stdout is not None
        assert worker.stdout.readline() == "ready\n"
    for worker in workers:
        assert worker.stdin is not None
        worker.stdin.write("\n")
        worker.stdin.flush()
    found = [json.loads(worker.communicate()[0]) for worker in workers]
    reserves, posts = zip(*(pair for latencies, _, _ in found for pair in latencies), strict=True)
    return Figures(
        name,
        processes,
        concurrent,
        "hot" if is_hot else "spread",
        round(sum(len(latencies) / elapsed for latencies, _, elapsed in found)),
        *_cuts(reserves),
        *_cuts(posts),
        sum(unanswered for _, unanswered, _ in found),
    )


def _cuts(times: tuple[float, ...]) -> tuple[float, float]:
    """Median and 99th percentile, in milliseconds."""
    cuts = statistics.quantiles(times, n=100)
    return round(cuts[49] * 1e3, 2), round(cuts[98] * 1e3, 2)


@contextmanager
def ledgers() -> Iterator[dict[str, str]]:
    """Name → address."""
    with tempfile.TemporaryDirectory() as directory, running_postgres(is_durable=True) as server:
        migrate(server.url)
        unsynced = f"{server.url}?synchronous_commit=off"
        yield {
            "SQLite": str(Path(directory) / "ledger.sqlite"),
            "PostgreSQL": server.url,
            "PostgreSQL, synchronous_commit=off": unsynced,
            "PostgreSQL with leases": WITH_LEASES + server.url,
        }


HEADING = """\
| ledger | processes | concurrent | accounts | requests/s | × SQLite | reserve p50, p99 | post p50, p99 | unanswered |
|---|---|---|---|---|---|---|---|---|"""


def row(each: Figures, sqlite: Figures) -> str:
    return (
        f"| {each.ledger} | {each.processes} | {each.concurrent} | {each.accounts} | {each.per_second:,.0f} |"
        f" {each.per_second / sqlite.per_second:.2f} | {each.reserve_p50:.2f}, {each.reserve_p99:.2f} ms |"
        f" {each.post_p50:.2f}, {each.post_p99:.2f} ms | {each.unanswered} |"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=2.0, help="of each load")
    parser.add_argument("--json", type=Path, help="where to write the figures")
    parser.add_argument("--work", help=argparse.SUPPRESS)
    parser.add_argument("--concurrent", type=int, default=1, help=argparse.SUPPRESS)
    parser.add_argument("--hot", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.work:
        uvloop.run(work(options.work, options.concurrent, options.seconds, is_hot=options.hot))  # as the processor does
        return
    print(HEADING)
    found: list[Figures] = []
    with ledgers() as addresses:
        for processes, concurrent, is_hot in LOADS:
            load = [
                measure(name, address, processes, concurrent, options.seconds, is_hot=is_hot)
                for name, address in addresses.items()
            ]
            print("\n".join(row(each, load[0]) for each in load), flush=True)  # SQLite is the first
            found += load
    if options.json:
        options.json.write_text(json.dumps([asdict(each) for each in found], indent=1))


if __name__ == "__main__":
    main()
