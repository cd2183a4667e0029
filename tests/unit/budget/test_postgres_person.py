"""The contract on a real PostgreSQL."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Iterator

import asyncpg
import pytest

from gateway_ext.budget.person import Renaming
from gateway_ext.budget.postgres.ledger import PostgresLedger
from gateway_ext.budget.postgres.migrate import migrate
from gateway_ext.budget.postgres.person import PostgresPerson
from gateway_ext.errors import LedgerUnavailable
from tests.servers.postgres import Postgres, running_postgres
from tests.unit.budget.person_contract import ADA, NOBODY, Balances, PersonContract, blocking
from tests.unit.budget.reservations import FixedClock

_numbers = itertools.count()


@pytest.fixture(scope="module")
def server() -> Iterator[Postgres]:
    with running_postgres() as server:
        yield server


@pytest.fixture
def schema(server: Postgres) -> str:
    name = f"person_{next(_numbers)}"
    migrate(server.url, schema=name)
    return name


@pytest.fixture
async def ledger(server: Postgres, schema: str) -> AsyncIterator[PostgresLedger]:
    ledger = PostgresLedger(server.url, FixedClock(), schema=schema)
    await ledger.open()
    yield ledger
    await ledger.close()


@pytest.fixture
def person(server: Postgres, schema: str) -> PostgresPerson:
    return PostgresPerson(server.url, schema=schema)


@pytest.fixture
def balances(server: Postgres, schema: str) -> Balances:
    async def read() -> dict[str, tuple[int, int]]:
        connection = await asyncpg.connect(server.url, server_settings={"search_path": schema})
        try:
            return {key: (held, posted) for key, held, posted in await connection.fetch(
                "SELECT key, held_nano, posted_nano FROM account ORDER BY key"
            )}  # fmt: skip
        finally:
            await connection.close()

    return lambda: blocking(lambda: asyncio.run(read()))


class TestPostgresPerson(PersonContract):
    pass


def test_a_server_that_is_away_is_said() -> None:
    person = PostgresPerson("postgresql://nobody@127.0.0.1:1/none")
    with pytest.raises(LedgerUnavailable):
        person.rename(Renaming(ADA, NOBODY))
    with pytest.raises(LedgerUnavailable):
        list(person.holds(ADA))
