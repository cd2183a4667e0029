"""Leases over a real PostgreSQL: the same contracts, and several processors at the last cent."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Iterator

import asyncpg
import pytest

from gateway_ext.budget.leases import ledger as module
from gateway_ext.budget.leases.ledger import LeasedLedger
from gateway_ext.budget.leases.rules import LeaseRules
from gateway_ext.budget.postgres.ledger import PostgresLedger
from gateway_ext.budget.postgres.migrate import migrate
from gateway_ext.budget.postgres.status import read_accounts
from gateway_ext.budget.rules import AccountLine, Settlement
from gateway_ext.errors import BudgetExhausted, LedgerUnavailable
from gateway_ext.exchange import Usage
from tests.servers.postgres import Postgres, running_postgres
from tests.unit.budget.leases.draw_contract import DrawContract
from tests.unit.budget.leases.leased import EAGER, LeaseClock, without_leases
from tests.unit.budget.leases.leased_contract import LeasedContract
from tests.unit.budget.ledger_contract import Balances
from tests.unit.budget.reservations import FixedClock, reservation

_numbers = itertools.count()


@pytest.fixture(autouse=True)
def _tended_by_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "TEND_SECONDS", 3_600.0)


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


async def balances_of(server: Postgres, schema: str) -> dict[str, tuple[int, int]]:
    accounts = await read_accounts(server.url, schema=schema)
    return {account.key: (account.held_nano, account.posted_nano) for account in accounts}


def read_balances(server: Postgres, schema: str) -> dict[str, tuple[int, int]]:
    """Called from within a test's event loop: read in another one."""
    from concurrent.futures import ThreadPoolExecutor  # noqa: PLC0415

    with ThreadPoolExecutor(1) as thread:
        return thread.submit(lambda: asyncio.run(balances_of(server, schema))).result()


class TestPostgresDraws(DrawContract):
    @pytest.fixture
    async def ledger(self, server: Postgres, schema: str) -> AsyncIterator[PostgresLedger]:
        ledger = PostgresLedger(server.url, FixedClock(), schema=schema)
        await ledger.open()
        yield ledger
        await ledger.close()

    @pytest.fixture
    def balances(self, server: Postgres, schema: str) -> Balances:
        return lambda: read_balances(server, schema)


class TestLeasedPostgres(LeasedContract):
    @pytest.fixture
    async def ledger(self, server: Postgres, schema: str) -> AsyncIterator[LeasedLedger]:
        ledger = LeasedLedger(PostgresLedger(server.url, FixedClock(), schema=schema), LeaseClock(), EAGER)
        await ledger.open()
        yield ledger
        await ledger.close()
        assert await open_leases(server, schema) == 0

    @pytest.fixture
    def balances(self, server: Postgres, schema: str, ledger: LeasedLedger) -> Balances:
        return lambda: without_leases(read_balances(server, schema), ledger)


async def open_leases(server: Postgres, schema: str) -> int:
    connection = await asyncpg.connect(server.url)
    try:
        question = f"SELECT count(*) FROM {schema}.hold WHERE id LIKE 'lease-%' AND state = 'held'"
        return int(await connection.fetchval(question))
    finally:
        await connection.close()


async def test_many_at_the_last_cent_spend_it_once(server: Postgres, schema: str) -> None:
    """Four processors, a team's budget that all share: what is granted is never more, and in the end all of it."""
    rules = LeaseRules(warm_requests=0, first_requests=4, share=8)
    ledgers = [
        LeasedLedger(PostgresLedger(server.url, FixedClock(), schema=schema), LeaseClock(), rules) for _ in range(4)
    ]
    for ledger in ledgers:
        await ledger.open()
    team = AccountLine("team", "per-team", 1_000)
    users = [AccountLine(f"user-{number}", "per-user", 10_000) for number in range(7)]
    numbers = itertools.count()

    async def attempt(ledger: LeasedLedger, number: int) -> bool:
        try:
            await ledger.reserve(reservation(f"h{number}", 10, users[number % 7], team))
        except BudgetExhausted:
            return False
        return True

    granted = sum(await asyncio.gather(*(attempt(ledgers[n % 4], n) for n in itertools.islice(numbers, 300))))
    assert granted <= 100
    for ledger in ledgers:  # what others have leased and nobody was granted is there for the next
        await ledger.give_back_all()
    for number in itertools.islice(numbers, 200):
        granted += await attempt(ledgers[number % 4], number)
        await ledgers[number % 4].give_back_all()
    assert granted == 100
    found = await balances_of(server, schema)
    assert found["team"] == (1_000, 0)
    assert sum(held for key, (held, _) in found.items() if key != "team") == 1_000
    for ledger in ledgers:
        await ledger.close()


async def test_an_end_reported_to_another_processor_is_settled_there(server: Postgres, schema: str) -> None:
    here, there = (
        LeasedLedger(PostgresLedger(server.url, FixedClock(), schema=schema), LeaseClock(), EAGER) for _ in range(2)
    )
    await here.open()
    await there.open()
    await here.reserve(reservation("h1", 100))
    (settled,) = await there.settle_all([Settlement("h1", Usage(30, 0), "eu/model", "access_log")])
    assert settled is not None
    assert settled.cost_nano == 30
    await here.close()
    await there.close()
    assert await balances_of(server, schema) == {"user": (0, 30)}


@pytest.mark.parametrize("admits", [False, True])
async def test_while_the_server_is_away_leases_are_used_up_where_policy_says_so(
    server: Postgres, schema: str, admits: bool
) -> None:
    ledger = LeasedLedger(
        PostgresLedger(server.url, FixedClock(), schema=schema), LeaseClock(), EAGER, admits_alone=lambda: admits
    )
    await ledger.open()
    await ledger.reserve(reservation("h1", 100))  # leases 400
    await asyncio.to_thread(server.kill)
    try:
        with pytest.raises(LedgerUnavailable):
            await ledger.void("h1", "test")
        if admits:
            for number in range(3):
                await ledger.reserve(reservation(f"away{number}", 100))
        with pytest.raises(LedgerUnavailable):
            await ledger.reserve(reservation("one more", 100))
    finally:
        await asyncio.to_thread(server.start)
    assert (await ledger.reserve(reservation("h2", 100))).amount_nano == 100
    await ledger.give_back_all()
    assert await balances_of(server, schema) == {"user": (500 if admits else 200, 0)}
    await ledger.close()
