"""The contract on a real PostgreSQL, and a server that dies and comes back."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator, Iterator

import pytest

from gateway_ext.budget.postgres.ledger import PostgresLedger
from gateway_ext.budget.postgres.migrate import migrate
from gateway_ext.budget.postgres.spending import PostgresSpending
from gateway_ext.errors import LedgerUnavailable
from tests.servers.postgres import Postgres, running_postgres
from tests.unit.budget.reservations import FixedClock
from tests.unit.budget.spending_contract import MONTH, SpendingContract, look, spend

_numbers = itertools.count()


@pytest.fixture(scope="module")
def server() -> Iterator[Postgres]:
    with running_postgres() as server:
        yield server


@pytest.fixture
def schema(server: Postgres) -> str:
    name = f"spending_{next(_numbers)}"
    migrate(server.url, schema=name)
    return name


@pytest.fixture
async def ledger(server: Postgres, schema: str) -> AsyncIterator[PostgresLedger]:
    ledger = PostgresLedger(server.url, FixedClock(), schema=schema)
    await ledger.open()
    yield ledger
    await ledger.close()


@pytest.fixture
async def spending(server: Postgres, schema: str) -> AsyncIterator[PostgresSpending]:
    spending = PostgresSpending(server.url, schema=schema)
    yield spending
    await spending.close()


class TestPostgresSpending(SpendingContract):
    pass


async def test_a_server_that_was_away_is_found_again(
    server: Postgres, ledger: PostgresLedger, spending: PostgresSpending
) -> None:
    await spend(ledger, "1", "ada", 5)
    assert await look(spending, MONTH)
    server.kill()
    with pytest.raises(LedgerUnavailable):
        await look(spending, MONTH)
    server.start()
    assert await look(spending, MONTH) == {"monthly/user/ada": (5, 0)}
