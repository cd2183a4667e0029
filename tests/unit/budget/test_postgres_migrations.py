"""Books of the version before are renewed with all they hold, while programs of that version may still be at work."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from dataclasses import replace

import asyncpg
import pytest

from gateway_ext.budget.postgres import statements as sql
from gateway_ext.budget.postgres.ledger import PostgresLedger
from gateway_ext.budget.postgres.migrate import migrate
from gateway_ext.budget.postgres.scripts import statements
from gateway_ext.budget.postgres.usage import PostgresUsage
from gateway_ext.budget.reports.usage import Dimension, UsageQuery
from gateway_ext.budget.stored import PAYER_COLUMNS, encode_prices
from gateway_ext.errors import ConfigurationError
from tests.servers.postgres import Postgres, running_postgres
from tests.unit.budget.reservations import NOW, PRICES, TTL, FixedClock, reservation

SCHEMA = "before"
LINE = {
    "key": "user",
    "rule": "per-user",
    "limit_nano": 1_000,
    "budget": "",
    "is_hard": True,
    "others": [],
    "before": "",
    "carries_max_nano": 0,
    "ends_unix_nano": None,
}


@pytest.fixture(scope="module")
def server() -> Iterator[Postgres]:
    with running_postgres() as server:
        yield server


async def asked_by_a_program_of_before(server: Postgres, hold_id: str) -> None:
    """It names no run."""
    payer = json.dumps(dict.fromkeys((name for name in PAYER_COLUMNS if name != "agent_run"), "x"))
    row = (
        hold_id,
        60,
        "EUR",
        json.dumps([LINE]),
        encode_prices(PRICES),
        payer,
        "large",
        1,
        1,
        NOW,
        NOW + TTL,
        "[]",
        "[]",
    )
    connection = await asyncpg.connect(server.url, server_settings={"search_path": SCHEMA})
    try:
        assert await connection.fetchval(sql.RESERVE, *row) == 60
    finally:
        await connection.close()


async def begin_with_the_first_version(server: Postgres) -> None:
    connection = await asyncpg.connect(server.url)
    try:
        await connection.execute(f"CREATE SCHEMA {SCHEMA}; SET search_path TO {SCHEMA}")
        for statement in statements("ledger_1"):
            await connection.execute(statement)
        await connection.execute("CREATE TABLE alembic_version (version_num varchar(32) PRIMARY KEY)")
        await connection.execute("INSERT INTO alembic_version VALUES ('ledger_1')")
    finally:
        await connection.close()


async def test_the_first_version_learns_of_runs(server: Postgres) -> None:
    await begin_with_the_first_version(server)
    await asked_by_a_program_of_before(server, "old")
    ledger = PostgresLedger(server.url, FixedClock(), schema=SCHEMA)
    with pytest.raises(ConfigurationError, match="gateway-ext ledger migrate"):
        await ledger.open()
    await asyncio.to_thread(migrate, server.url, schema=SCHEMA)
    await asked_by_a_program_of_before(server, "still at work")
    await ledger.open()
    asked = reservation("new", 60)
    await ledger.reserve(replace(asked, payer=replace(asked.payer, agent_run="run-1")))
    await ledger.close()
    source = PostgresUsage(server.url, schema=SCHEMA)
    found = await asyncio.to_thread(source.groups, UsageQuery(0, NOW + 1, (Dimension.AGENT_RUN,)), lambda _: None)
    assert {group.values[0]: figures.open_requests for group, figures in found.items()} == {"": 2, "run-1": 1}
