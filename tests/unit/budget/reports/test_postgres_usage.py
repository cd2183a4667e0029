from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from gateway_ext.budget.postgres import usage
from gateway_ext.budget.postgres.ledger import PostgresLedger
from gateway_ext.budget.postgres.migrate import migrate
from gateway_ext.budget.postgres.usage import PostgresUsage
from gateway_ext.budget.reports.usage import UsageSource
from gateway_ext.errors import ConfigurationError, LedgerUnavailable
from tests.servers.postgres import running_postgres
from tests.unit.budget.reports.traffic import play
from tests.unit.budget.reports.usage_contract import HOUR_OF_TRAFFIC, UsageContract, nothing
from tests.unit.budget.reservations import FixedClock


@pytest.fixture(scope="module")
def source() -> Iterator[UsageSource]:
    async def fill(url: str) -> None:
        ledger = PostgresLedger(url, FixedClock())
        await ledger.open()
        await play(ledger)
        await ledger.close()

    with running_postgres() as server:
        migrate(server.url)
        asyncio.run(fill(server.url))
        yield PostgresUsage(server.url)


class TestPostgresUsage(UsageContract):
    """On one server and one filling: nothing here writes."""

    def test_requests_beyond_one_batch(self, source: UsageSource, monkeypatch: pytest.MonkeyPatch) -> None:
        at_once = list(source.charged(HOUR_OF_TRAFFIC, nothing))
        monkeypatch.setattr(usage, "ROWS_AT_ONCE", 2)
        assert list(source.charged(HOUR_OF_TRAFFIC, nothing)) == at_once


def test_a_server_that_is_away() -> None:
    source = PostgresUsage("postgresql://nobody@127.0.0.1:1/nowhere")
    with pytest.raises(LedgerUnavailable):
        source.groups(HOUR_OF_TRAFFIC, nothing)
    with pytest.raises(LedgerUnavailable):
        next(iter(source.charged(HOUR_OF_TRAFFIC, nothing)))


def test_an_address_with_a_password_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="holds a password"):
        PostgresUsage("postgresql://a:b@host/database")
