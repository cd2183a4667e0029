"""How long a page of the audit trail's search takes, by kind of question; how fast the index is made, and how large it is.

    python -m benchmarks.audit.search [--records 1000000] [--pages 100] [--postgres URL --postgres-records 10000000]

SQLite: writes segments of so many records (two an exchange: 2,000 people in 40 teams over 30 days), makes the index of them as
`gateway-ext audit index rebuild` does, and asks. PostgreSQL (an empty database): its tables are filled by the server itself, of
the same shape; how fast an index is made there is measured with a hundredth of it.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import asyncpg

from gateway_ext.audit.encoding import encode_event
from gateway_ext.audit.events import EventName
from gateway_ext.audit.filters import Filter
from gateway_ext.audit.index.cursors import Position, read_cursor
from gateway_ext.audit.index.entry import Field
from gateway_ext.audit.index.follower import Follower
from gateway_ext.audit.index.postgres_index import PostgresIndex
from gateway_ext.audit.index.reading import Logs
from gateway_ext.audit.index.schema import COLUMNS, statements
from gateway_ext.audit.index.sqlite_index import SqliteIndex
from gateway_ext.audit.index.store import Index
from gateway_ext.audit.records import AuditRecord, DecisionRecord, OutcomeRecord
from gateway_ext.audit.segments import frame, segment_path
from gateway_ext.exchange import Candidate, CredentialClass, Finding, Outcome, Principal, Usage
from gateway_ext.limits import NANO, SPOOL_SEGMENT_BYTES

BEGINS = 1_790_812_800 * NANO  # 2026-10-01T00:00:00Z
SPAN = 30 * 86_400 * NANO
PEOPLE, TEAMS = 2_000, 40
SERVED = tuple(
    Candidate(f"{name}/large", name, "large-2026", place, tier)
    for name, place, tier in (("own", "EU", "sovereign"), ("eu", "EU", "eu"), ("us", "US", "open"))
)
PAGE = 50
AIM_MS = 300.0


def exchange_id(number: int) -> str:
    return f"{number:032x}"


def records(exchanges: int) -> Iterator[tuple[int, AuditRecord]]:
    """Times, and two records for each exchange."""
    chance = random.Random(1)
    for number in range(exchanges):
        asked = BEGINS + number * SPAN // exchanges
        person, served = chance.randrange(PEOPLE), SERVED[min(2, chance.randrange(10))]
        is_refused = chance.random() < 0.04
        classes = ["personal"] * (chance.random() < 0.03) + ["secret"] * (chance.random() < 0.002)
        found = tuple(
            Finding("email", "1", each, 0, "/messages/0/content", 1, 9, 0.9, "log", False, "f") for each in classes
        )
        yield (
            asked,
            DecisionRecord(
                EventName.DECISION_REFUSED if is_refused else EventName.DECISION_FORWARDED,
                exchange_id(number),
                "refuse" if is_refused else "forward",
                "0" * 64,
                "public",
                "192.0.2.1",
                reason="budget_exhausted" if is_refused else "",
                principal=Principal(
                    *(f"user{person}@example.com", "person", "company", CredentialClass.SSO, "k"),
                    *(f"team-{person % TEAMS}", f"project-{person % 80}", f"app-{person % 10}"),
                ),
                model=f"model-{person % 4}",
                findings=found,
                candidates=SERVED,
            ),
        )
        flags = ("client_aborted",) if chance.random() < 0.01 else ()
        ended = Outcome(exchange_id(number), "h", 200, served.cluster, None, 1, 1, 1, 1, 1, True, "access_log", flags)
        cost_nano = 0 if is_refused else chance.randrange(10**6, 10**8) * (100 if chance.random() < 0.001 else 1)
        yield asked + NANO, OutcomeRecord(EventName.OUTCOME_SETTLED, ended, Usage(812, 120), cost_nano, "EUR", served)


def write_segments(spool: Path, exchanges: int) -> None:
    """As two processors do: of half of the exchanges, each writes one of the records."""
    parts: dict[str, list[bytes]] = {"processor-0": [], "processor-1": []}
    sizes, numbers, sequences = dict.fromkeys(parts, 0), dict.fromkeys(parts, 1), dict.fromkeys(parts, 0)

    def flush(process: str) -> None:
        directory = spool / process
        directory.mkdir(parents=True, exist_ok=True)
        segment_path(directory, numbers[process]).write_bytes(b"".join(parts[process]))
        parts[process], sizes[process], numbers[process] = [], 0, numbers[process] + 1

    for number, (at, record) in enumerate(records(exchanges)):
        process = f"processor-{(number // 2 + number // 4 * (number % 2)) % 2}"
        sequences[process] += 1
        data = frame(
            encode_event(record, processor=process, run_id=process, sequence=sequences[process], time_unix_nano=at)
        )
        parts[process].append(data)
        sizes[process] += len(data)
        if sizes[process] >= SPOOL_SEGMENT_BYTES:
            flush(process)
    for process in parts:
        flush(process)


_POSTGRES_ROW = {
    "number": "n",
    "id": "lpad(to_hex(n - 1), 32, '0')",
    "time": f"{BEGINS} + (n - 1) * ({SPAN} / exchanges)",
    "marks": """'["action:forward", "event:request:decision:forwarded", "event:request:outcome:settled"]'""",
    "decided_time": f"{BEGINS} + (n - 1) * ({SPAN} / exchanges)",
    "decided_event": "'request:decision:forwarded'",
    "action": "'forward'",
    "subject": f"'user' || person % {PEOPLE} || '@example.com'",
    "team": f"'team-' || person % {TEAMS}",
    "project": "'project-' || person % 80",
    "application": "'app-' || person % 10",
    "model": "'model-' || person % 4",
    "policy": "repeat('0', 64)",
    "ended_time": f"{BEGINS} + (n - 1) * ({SPAN} / exchanges) + {NANO}",
    "ended_event": "'request:outcome:settled'",
    "status": "'200'",
    "served_model": "'large-2026'",
    "provider": "(ARRAY['own', 'eu', 'us'])[least(3, 1 + luck % 10)]",
    "jurisdiction": "(ARRAY['EU', 'EU', 'US'])[least(3, 1 + luck % 10)]",
    "cluster": "(ARRAY['own', 'eu', 'us'])[least(3, 1 + luck % 10)] || '/large'",
    "tier": "(ARRAY['sovereign', 'eu', 'open'])[least(3, 1 + luck % 10)]",
    "currency": "'EUR'",
    "cost_nano": "(1000000 + luck * 99) * CASE WHEN luck % 1000 = 7 THEN 100 ELSE 1 END",
    "input_tokens": "812",
    "output_tokens": "120",
}


async def fill_postgres(url: str, schema: str, exchanges: int) -> None:
    """By the server, before its indexes are made."""
    index = PostgresIndex(url, schema=schema)
    await index.generation()
    await index.close()
    connection = await asyncpg.connect(url, server_settings={"search_path": schema})
    made = statements(is_sqlite=False)
    for name in await connection.fetch("SELECT indexname FROM pg_indexes WHERE schemaname = $1", schema):
        if name[0].startswith("entry_") and name[0] not in {"entry_pkey", "entry_id"}:
            await connection.execute(f"DROP INDEX {name[0]}")
    rolled = (
        "SELECT n, (n * 7919) % 1000003 % 2000 AS person, (n * 104729) % 1000003 AS luck,"
        f" {exchanges}::bigint AS exchanges FROM generate_series(1::bigint, {exchanges}) AS n"
    )
    values = ", ".join(_POSTGRES_ROW.get(name, "NULL") for name in COLUMNS)
    await connection.execute(
        f"INSERT INTO entry ({', '.join(COLUMNS)}) SELECT {values} FROM ({rolled}) AS r", timeout=3600
    )
    for mark, condition in (
        ("action:forward", "luck % 25 <> 3"),
        ("action:refuse", "luck % 25 = 3"),
        ("reason:budget_exhausted", "luck % 25 = 3"),
        ("event:request:decision:forwarded", "luck % 25 <> 3"),
        ("event:request:decision:refused", "luck % 25 = 3"),
        ("event:request:outcome:settled", "TRUE"),
        ("class:personal", "luck % 33 = 5"),
        ("class:secret", "luck % 500 = 5"),
        ("flag:client_aborted", "luck % 100 = 5"),
    ):
        await connection.execute(
            f"INSERT INTO mark SELECT '{mark}', {_POSTGRES_ROW['time']}, n FROM ({rolled}) AS r WHERE {condition}",
            timeout=3600,
        )
    for statement in made:
        if statement.startswith("CREATE INDEX entry_"):
            await connection.execute(statement, timeout=3600)
    for table in ("entry", "mark"):
        await connection.execute(f"VACUUM (ANALYZE) {table}", timeout=3600)
    await connection.close()


def questions(exchanges: int) -> Mapping[str, Callable[[random.Random], Filter]]:
    """By kind, with values drawn anew for each page."""

    def of(**values: str) -> Filter:
        return Filter({Field(kind.rstrip("_")): frozenset({value}) for kind, value in values.items()})

    def within(chance: random.Random) -> Filter:
        since = BEGINS + chance.randrange(SPAN)
        return Filter(since_unix_nano=since, until_unix_nano=since + 3600 * NANO)

    return {
        "everything": lambda _: Filter(),
        "person": lambda chance: of(subject=f"user{chance.randrange(PEOPLE)}@example.com"),
        "team": lambda chance: of(team=f"team-{chance.randrange(TEAMS)}"),
        "application": lambda chance: of(application=f"app-{chance.randrange(10)}"),
        "model": lambda chance: of(model=f"model-{chance.randrange(4)}"),
        "provider": lambda chance: of(provider=chance.choice(["own", "eu", "us"])),
        "finding class": lambda chance: of(class_=chance.choice(["personal", "secret"])),
        "action": lambda _: of(action="refuse"),
        "reason": lambda _: of(reason="budget_exhausted"),
        "flag": lambda _: of(flag="client_aborted"),
        "event": lambda _: of(event="request:outcome:settled"),
        "an hour": within,
        "cost, one in a thousand": lambda _: Filter(cost_nano_min=10**9),
        "cost, every second": lambda _: Filter(cost_nano_min=5 * 10**7),
        "exchange": lambda chance: of(exchange=exchange_id(chance.randrange(exchanges))),
        "three teams": lambda _: Filter({Field.TEAM: frozenset({"team-1", "team-2", "team-3"})}),
        "team, class, provider": lambda chance: of(
            team=f"team-{chance.randrange(TEAMS)}", class_="personal", provider="us"
        ),
        "person and class": lambda chance: of(subject=f"user{chance.randrange(PEOPLE)}@example.com", class_="secret"),
        "what never meets": lambda _: of(provider="own", jurisdiction="US"),
        "two teams' models, none": lambda _: of(team="team-1", model="model-0"),
    }


async def measure(index: Index, exchanges: int, pages: int) -> dict[str, tuple[float, float, float, float]]:
    """Of each kind of question, first pages and pages behind them: p50, p99 and the longest in milliseconds, and the mean of
    this process's CPU time, which is all of it on SQLite."""
    found = {}
    generation = await index.generation()
    for kind, ask in questions(exchanges).items():
        chance = random.Random(kind)
        took: list[float] = []
        began_cpu = time.process_time()
        while len(took) < pages:
            wanted, position = ask(chance), Position()
            for _ in range(5):
                started = time.perf_counter()
                page = await index.search(wanted, PAGE, position)
                took.append((time.perf_counter() - started) * 1e3)
                if page.older is None:
                    break
                position = read_cursor(page.older, generation)
        took.sort()
        cpu_ms = (time.process_time() - began_cpu) * 1e3 / len(took)
        found[kind] = took[len(took) // 2], took[int(len(took) * 0.99)], took[-1], cpu_ms
    return found


async def build(index: Index, spool: Path) -> float:
    """Records a second, from segments."""
    started = time.perf_counter()
    await Follower(index, Logs(spool, spool.parent / "archive", "gateway")).catch_up()
    await index.optimize()
    return (await index.status()).records / (time.perf_counter() - started)


def show(title: str, found: Mapping[str, tuple[float, float, float, float]]) -> None:
    print(f"\n| {title} | p50 ms | p99 ms | longest ms | mean CPU ms |\n|---|---|---|---|---|", flush=True)
    for kind, (middle, high, longest, cpu) in found.items():
        print(
            f"| {kind} | {middle:.1f} | {high:.1f} | {longest:.1f}{', **missed**' if high > AIM_MS else ''} | {cpu:.1f} |"
        )


async def run(options: argparse.Namespace) -> None:
    with tempfile.TemporaryDirectory(prefix="audit-search-", dir=options.directory) as directory:
        spool = Path(directory) / "spool"
        exchanges = options.records // 2
        write_segments(spool, exchanges)
        path = Path(directory) / "audit-index.sqlite"
        rate = await build(SqliteIndex(path), spool)
        size = path.stat().st_size
        print(f"SQLite: {options.records} records, {rate:,.0f} records/s, {size / options.records:.0f} bytes a record")
        show(f"SQLite, {options.records:,} records", await measure(SqliteIndex(path), exchanges, options.pages))
    if options.postgres:
        await run_postgres(options)


async def run_postgres(options: argparse.Namespace) -> None:
    exchanges = options.postgres_records // 2
    with tempfile.TemporaryDirectory(prefix="audit-search-") as directory:
        write_segments(Path(directory) / "spool", max(1, exchanges // 100))
        built = PostgresIndex(options.postgres, schema="benchmark_built")
        print(f"\nPostgreSQL: {await build(built, Path(directory) / 'spool'):,.0f} records/s")
        await built.close()
    await fill_postgres(options.postgres, "benchmark", exchanges)
    index = PostgresIndex(options.postgres, schema="benchmark")
    show(f"PostgreSQL, {options.postgres_records:,} records", await measure(index, exchanges, options.pages))
    await index.close()
    connection = await asyncpg.connect(options.postgres)
    size = await connection.fetchval(
        "SELECT sum(pg_total_relation_size(c.oid)) FROM pg_class c JOIN pg_namespace s ON s.oid = c.relnamespace"
        " WHERE s.nspname = 'benchmark' AND c.relkind = 'r'"
    )
    print(f"\n{int(size) / options.postgres_records:.0f} bytes a record, without the places of records")
    await connection.close()


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, default=1_000_000)
    parser.add_argument("--pages", type=int, default=100, help="of each kind")
    parser.add_argument("--directory", help="where files are made (default: the system's)")
    parser.add_argument("--postgres", metavar="URL")
    parser.add_argument("--postgres-records", type=int, default=10_000_000)
    asyncio.run(run(parser.parse_args(argv)))


if __name__ == "__main__":
    main()
