"""The ledger's contract on a real PostgreSQL, and what is particular to it."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import asyncpg
import pytest

from gateway_ext.budget.postgres import reachability, status
from gateway_ext.budget.postgres.ledger import PostgresLedger
from gateway_ext.budget.postgres.migrate import migrate
from gateway_ext.budget.rules import AccountLine
from gateway_ext.budget.status import AccountStatus
from gateway_ext.errors import BudgetExhausted, ConfigurationError, LedgerUnavailable
from gateway_ext.exchange import Usage
from tests.servers.postgres import Postgres, running_postgres
from tests.unit.budget.ledger_contract import LedgerContract
from tests.unit.budget.reservations import FixedClock, reservation

_numbers = itertools.count()


@pytest.fixture(scope="module")
def server() -> Iterator[Postgres]:
    with running_postgres() as server:
        yield server


@pytest.fixture
def schema(server: Postgres) -> str:
    """New tables."""
    name = f"ledger_{next(_numbers)}"
    migrate(server.url, schema=name)
    return name


@pytest.fixture
async def ledger(server: Postgres, schema: str) -> AsyncIterator[PostgresLedger]:
    ledger = PostgresLedger(server.url, FixedClock(), schema=schema)
    await ledger.open()
    yield ledger
    await ledger.close()


async def read_balances(server: Postgres, schema: str) -> dict[str, tuple[int, int]]:
    connection = await asyncpg.connect(server.url)
    try:
        rows = await connection.fetch(f"SELECT key, held_nano, posted_nano FROM {schema}.account")
        return {row["key"]: (row["held_nano"], row["posted_nano"]) for row in rows}
    finally:
        await connection.close()


@pytest.fixture
def balances(server: Postgres, schema: str) -> Callable[[], dict[str, tuple[int, int]]]:
    def read() -> dict[str, tuple[int, int]]:
        # Called from within the test's own event loop: read in another one.
        from concurrent.futures import ThreadPoolExecutor  # noqa: PLC0415

        with ThreadPoolExecutor(1) as thread:
            return thread.submit(lambda: asyncio.run(read_balances(server, schema))).result()

    return read


class TestPostgresLedger(LedgerContract):
    pass


async def test_migrating_again_changes_nothing(server: Postgres, schema: str, ledger: PostgresLedger) -> None:
    await ledger.reserve(reservation("h1", 60))
    await asyncio.to_thread(migrate, server.url, schema=schema)
    assert await read_balances(server, schema) == {"user": (60, 0)}


async def test_tables_that_nobody_made_are_named(server: Postgres) -> None:
    ledger = PostgresLedger(server.url, FixedClock(), schema="nowhere")
    with pytest.raises(ConfigurationError, match="ledger migrate"):
        await ledger.open()


async def test_a_server_that_is_not_there_is_named() -> None:
    ledger = PostgresLedger("postgresql://ada@127.0.0.1:1/books", FixedClock())
    with pytest.raises(ConfigurationError, match="ledger_url"):
        await ledger.open()


async def test_many_at_the_last_cent_spend_it_once(server: Postgres, schema: str) -> None:
    ledgers = [PostgresLedger(server.url, FixedClock(), schema=schema) for _ in range(4)]
    for ledger in ledgers:
        await ledger.open()
    line = AccountLine("team", "per-team", 1_000)
    others = [AccountLine(f"user-{number}", "per-user", 10_000) for number in range(7)]

    async def attempt(number: int) -> bool:
        try:
            await ledgers[number % 4].reserve(reservation(f"h{number}", 10, others[number % 7], line))
        except BudgetExhausted:
            return False
        return True

    granted = await asyncio.gather(*(attempt(number) for number in range(400)))
    assert sum(granted) == 100
    found = await read_balances(server, schema)
    assert found["team"] == (1_000, 0)
    assert sum(held for key, (held, _) in found.items() if key != "team") == 1_000
    for ledger in ledgers:
        await ledger.close()


async def test_requests_with_the_same_lines_in_other_orders_do_not_wait_for_ever(
    server: Postgres, schema: str, ledger: PostgresLedger
) -> None:
    lines = [AccountLine(f"line-{number}", "rule", 10**9) for number in range(6)]

    async def one(number: int) -> None:
        order = lines[number % 6 :] + lines[: number % 6]
        await ledger.reserve(reservation(f"h{number}", 1, *order))
        await ledger.post(f"h{number}", Usage(1, 0), "eu/model", "test")

    await asyncio.gather(*(one(number) for number in range(120)))
    assert set((await read_balances(server, schema)).values()) == {(0, 120)}


async def test_reserving_is_one_round_trip(ledger: PostgresLedger, monkeypatch: pytest.MonkeyPatch) -> None:
    around: list[str] = []  # what is sent besides: beginnings and ends of transactions, resets of a session

    async def recorded(connection: asyncpg.Connection, query: str, *values: Any) -> str:
        around.append(query.split(maxsplit=1)[0])
        return await execute(connection, query, *values)

    execute = asyncpg.Connection.execute
    monkeypatch.setattr(asyncpg.Connection, "execute", recorded)
    await ledger.reserve(reservation("h1", 60))
    assert around == []
    await ledger.void("h1", "test")
    assert around == ["BEGIN;", "SELECT", "COMMIT;"]


async def test_a_cancelled_reservation_is_voided_after_it_was_made(
    server: Postgres, schema: str, ledger: PostgresLedger
) -> None:
    task = asyncio.get_running_loop().create_task(ledger.reserve(reservation("h1", 60)))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    settled = await ledger.void("h1", "cancelled")
    assert settled is not None
    assert await read_balances(server, schema) == {"user": (0, 0)}


async def test_a_server_that_crashes_refuses_and_comes_back_with_its_books(
    server: Postgres, schema: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(reachability, "QUIET_SECONDS", 0.0)
    ledger = PostgresLedger(server.url, FixedClock(), schema=schema)
    await ledger.open()
    await ledger.reserve(reservation("h1", 60))
    await asyncio.to_thread(server.kill)
    with pytest.raises(LedgerUnavailable):
        await ledger.reserve(reservation("h2", 60))
    with pytest.raises(LedgerUnavailable):
        await ledger.void("h1", "test")
    assert [line.split(" (")[0] for line in told(caplog)] == ["ledger: PostgreSQL does not answer"]
    await asyncio.to_thread(server.start)
    assert (await ledger.reserve(reservation("h2", 60))).amount_nano == 60
    assert await read_balances(server, schema) == {"user": (120, 0)}
    assert told(caplog)[1:] == ["ledger: PostgreSQL answers again"]
    await ledger.close()


def told(caplog: pytest.LogCaptureFixture) -> list[str]:
    """By us: asyncpg's pool tells of its own attempts, at most once a minute."""
    return [record.message for record in caplog.records if record.name == reachability.__name__]


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://ada:hunter2@127.0.0.1/books",
        "postgresql://ada@127.0.0.1/books?password=hunter2",
        "mysql://ada@127.0.0.1/hunter2",
        "hunter2",
        "postgresql://ada@[hunter2/",
    ],
)
def test_an_address_that_cannot_be_used_is_refused_and_not_repeated(url: str) -> None:
    for use in (lambda: PostgresLedger(url, FixedClock()), lambda: migrate(url)):
        with pytest.raises(ConfigurationError) as refusal:
            use()
        assert "hunter2" not in str(refusal.value)


async def test_accounts_can_be_read(server: Postgres, schema: str, ledger: PostgresLedger) -> None:
    await ledger.reserve(reservation("h1", 60))
    assert await status.read_accounts(server.url, schema=schema) == [AccountStatus("user", "per-user", 1_000, 0, 60)]
    with pytest.raises(LedgerUnavailable):
        await status.read_accounts(server.url, schema="nowhere")
