"""The ledger's contract, with slices in a real Redis over a real PostgreSQL."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from gateway_ext.budget.leases import ledger as module
from gateway_ext.budget.leases.ledger import LeasedLedger
from gateway_ext.budget.postgres.ledger import PostgresLedger
from gateway_ext.budget.postgres.migrate import migrate
from gateway_ext.budget.postgres.status import read_accounts
from gateway_ext.budget.redis.slices import RedisSlices
from tests.servers.postgres import Postgres, running_postgres
from tests.servers.redis import Redis, running_redis
from tests.unit.budget.leases.leased import EAGER, LeaseClock, without_leases
from tests.unit.budget.leases.leased_contract import LeasedContract
from tests.unit.budget.ledger_contract import Balances
from tests.unit.budget.reservations import FixedClock

_numbers = itertools.count()


@pytest.fixture(autouse=True)
def _tended_by_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "TEND_SECONDS", 3_600.0)


@pytest.fixture(scope="module")
def postgres() -> Iterator[Postgres]:
    with running_postgres() as server:
        yield server


@pytest.fixture(scope="module")
def redis() -> Iterator[Redis]:
    with running_redis() as server:
        yield server


@pytest.fixture
def schema(postgres: Postgres) -> str:
    """New tables."""
    name = f"ledger_{next(_numbers)}"
    migrate(postgres.url, schema=name)
    return name


class TestSharedSlicesOnPostgres(LeasedContract):
    @pytest.fixture
    async def ledger(self, postgres: Postgres, redis: Redis, schema: str) -> AsyncIterator[LeasedLedger]:
        redis.do("FLUSHALL")  # of the ledger of the test before
        record = PostgresLedger(postgres.url, FixedClock(), schema=schema)
        ledger = LeasedLedger(record, LeaseClock(), EAGER, slices=RedisSlices(redis.url))
        await ledger.open()
        yield ledger
        await ledger.close()

    @pytest.fixture
    def balances(self, postgres: Postgres, schema: str, ledger: LeasedLedger) -> Balances:
        async def read() -> dict[str, tuple[int, int]]:
            accounts = await read_accounts(postgres.url, schema=schema)
            return {account.key: (account.held_nano, account.posted_nano) for account in accounts}

        def elsewhere() -> dict[str, tuple[int, int]]:  # called from within the test's own event loop
            with ThreadPoolExecutor(1) as thread:
                return without_leases(thread.submit(lambda: asyncio.run(read())).result(), ledger)

        return elsewhere
