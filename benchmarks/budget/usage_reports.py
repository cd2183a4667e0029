"""How long reports and exports of a large ledger take, and how much memory.

    python -m benchmarks.budget.usage_reports [requests] [ledger.sqlite]

Makes a ledger file of so many settled requests (1,000,000), of 2,000 people in 40 teams over 30 days, a tenth of them with
reasoning tokens; a file that is there already is taken as it is. Best of three for reports; exports are of one day.
"""

from __future__ import annotations

import json
import os
import platform
import random
import resource
import sqlite3
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from gateway_ext.budget.prices import Price
from gateway_ext.budget.reports.focus import rows
from gateway_ext.budget.reports.sqlite_usage import SqliteUsage
from gateway_ext.budget.reports.usage import Dimension, UsageQuery
from gateway_ext.budget.sqlite_file import connect
from gateway_ext.budget.stored import encode_prices
from gateway_ext.cli.focus_files import write_rows
from gateway_ext.limits import NANO

BEGINS = 1_790_812_800 * NANO  # 2026-10-01T00:00:00Z
DAY = 86_400 * NANO
DAYS = 30
PRICE = Price(1_800_000_000, 5_400_000_000, 900_000_000)
PRICES = {f"{provider}/large": PRICE for provider in ("eu", "us", "own")}
COLUMNS = (
    "id, state, amount_nano, currency, accounts, prices, subject, team, business_unit, project, application, environment, "
    "cost_center, credential_id, model, input_tokens_max, output_tokens_max, created_unix_nano, expires_unix_nano, "
    "settled_unix_nano, cost_nano, cluster, input_tokens, output_tokens, cached_input_tokens, usage_is_estimated, usage_details"
)


def holds(count: int) -> Iterator[tuple[object, ...]]:
    """Rows of COLUMNS."""
    chance, prices = random.Random(1), encode_prices(PRICES)
    for number in range(count):
        asked = BEGINS + number * DAYS * DAY // count
        person = chance.randrange(2_000)
        team, user = f"team-{person % 40}", f"user{person}@example.com"
        accounts = json.dumps([f"EUR/2026-10/people/user/{user}", f"EUR/2026-10/teams/team/{team}"])
        inputs, outputs = chance.randrange(100, 5_000), chance.randrange(10, 900)
        payer = (user, team, f"unit-{person % 5}", f"project-{person % 80}", "app", "production", "4711", f"c{person}")
        details = '{"reasoning_tokens": 10}' if number % 10 == 0 else "{}"
        cost_nano = inputs * 1_800 + outputs * 5_400
        settled = (asked + 3 * NANO, cost_nano, chance.choice(list(PRICES)), inputs, outputs, 0, 0, details)
        identity = f"{chance.getrandbits(128):032x}"
        yield (
            identity,
            "posted",
            10**8,
            "EUR",
            accounts,
            prices,
            *payer,
            "large",
            5_000,
            1_000,
            asked,
            asked + DAY,
            *settled,
        )


def make(path: Path, count: int) -> None:
    """Fill a new ledger file."""
    marks = ", ".join("?" * len(COLUMNS.split(", ")))
    with closing(connect(path)) as connection:
        connection.execute("BEGIN")
        connection.executemany(f"INSERT INTO hold ({COLUMNS}) VALUES ({marks})", holds(count))
        connection.execute("COMMIT")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def best_seconds(ledger: SqliteUsage, by: tuple[Dimension, ...]) -> tuple[float, float, int]:
    """Elapsed and processor time of a report, and how many groups it has."""
    times = []
    groups = 0
    for _ in range(3):
        began, used = time.perf_counter(), time.process_time()
        groups = len(ledger.groups(UsageQuery(BEGINS, BEGINS + DAYS * DAY, by), lambda _: None))
        times.append((time.perf_counter() - began, time.process_time() - used))
    return *min(times), groups


def main(count: int, path: Path) -> None:
    if not path.exists():
        make(path, count)
    ledger = SqliteUsage(path)
    print(f"{platform.processor() or platform.machine()}, {os.cpu_count()} CPUs, SQLite {sqlite3.sqlite_version}")
    print(
        f"{ledger.count():,} requests, {path.stat().st_size / 1e6:,.0f} MB, {path.stat().st_size / ledger.count():.0f} bytes each"
    )
    for by in ((), (Dimension.TEAM,), (Dimension.TEAM, Dimension.MODEL), (Dimension.USER,), (Dimension.PROVIDER,)):
        elapsed, used, groups = best_seconds(ledger, by)
        print(f"report by {'+'.join(by) or 'nothing':<12} {elapsed:6.2f} s, {used:6.2f} s of CPU, {groups:>6,} groups")
    for kind in ("csv", "parquet"):
        out = path.with_name(f"usage.{kind}")
        began = time.perf_counter()
        requests = ledger.charged(UsageQuery(BEGINS, BEGINS + DAY), lambda _: None)
        written = write_rows(out, (row for each in requests for row in rows(each, "Acme")))
        elapsed = time.perf_counter() - began
        print(
            f"export as {kind:<8} {elapsed:6.2f} s, {written:,} rows, {written / elapsed:,.0f} rows/s, {out.stat().st_size / 1e6:.0f} MB"
        )
        out.unlink()
    print(f"memory at most {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        main(
            int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000,
            Path(sys.argv[2]) if len(sys.argv) > 2 else Path(folder) / "ledger.sqlite",
        )
