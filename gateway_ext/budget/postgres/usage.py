"""Reports on a ledger on PostgreSQL: one read-only snapshot each, rows fetched as they are needed (a cursor of the server)."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

import asyncpg

from gateway_ext.budget.postgres.url import checked
from gateway_ext.budget.reports.statements import PAYER, conditions, grouped, select_sums
from gateway_ext.budget.reports.usage import TOKENS, Advance, Charged, Figures, Group, UsageQuery
from gateway_ext.budget.rules import Payer
from gateway_ext.budget.stored import decode_prices, usage_from_json
from gateway_ext.errors import LedgerUnavailable

CONNECT_SECONDS = 30.0
ROWS_AT_ONCE = 1_000

_PROVIDER = "split_part(cluster, '/', 1)"
_IS_ESTIMATED = "coalesce((usage->>'is_estimated')::boolean, true)"
_TOKENS = tuple(f"(usage->>'{name}')::bigint" for name in TOKENS)
_SELECT_CHARGED = f"""
SELECT id, created_unix_nano, state, currency, cost_nano, model, cluster, prices, flags, usage, {PAYER}
FROM hold WHERE state IN ('posted', 'expired') AND """  # noqa: S608  (constant)


class PostgresUsage:
    """Implements usage.UsageSource, whose docstrings are the contract. For commands: it blocks, on an event loop of its own."""

    def __init__(self, url: str, *, schema: str = "gateway") -> None:
        """Raises ConfigurationError for an address that cannot be used."""
        self._url = checked(url)
        self._schema = schema

    def count(self) -> int:
        return asyncio.run(self._count())

    def groups(self, query: UsageQuery, advance: Advance) -> Mapping[Group, Figures]:
        found = asyncio.run(self._groups(query))
        advance(sum(figures.requests + figures.free_requests + figures.open_requests for figures in found.values()))
        return found

    def charged(self, query: UsageQuery, advance: Advance) -> Iterator[Charged]:
        where, parameters = conditions(query, _PROVIDER, _mark)
        with asyncio.Runner() as runner:
            batches = self._batches(f"{_SELECT_CHARGED}{where}", parameters)
            try:
                while rows := runner.run(anext(batches, None)):
                    yield from map(_charged, rows)
                    advance(len(rows))
            finally:
                runner.run(batches.aclose())  # type: ignore[attr-defined]  # an asynchronous generator

    async def _count(self) -> int:
        async with self._reading() as connection:
            return int(await connection.fetchval("SELECT count(*) FROM hold"))

    async def _groups(self, query: UsageQuery) -> Mapping[Group, Figures]:
        where, parameters = conditions(query, _PROVIDER, _mark)
        statement = select_sums(query, _PROVIDER, _IS_ESTIMATED, _TOKENS, where)
        async with self._reading() as connection:
            cursor = connection.cursor(statement, *parameters, prefetch=ROWS_AT_ONCE)
            return grouped([tuple(row) async for row in cursor])

    async def _batches(
        self, statement: str, parameters: Sequence[str | int]
    ) -> AsyncIterator[Sequence[asyncpg.Record]]:
        async with self._reading() as connection:
            cursor = await connection.cursor(statement, *parameters)
            while rows := await cursor.fetch(ROWS_AT_ONCE):
                yield rows

    @asynccontextmanager
    async def _reading(self) -> AsyncIterator[asyncpg.Connection[asyncpg.Record]]:
        try:
            connection = await asyncpg.connect(
                self._url, timeout=CONNECT_SECONDS, server_settings={"search_path": self._schema}
            )
            try:
                async with connection.transaction(isolation="repeatable_read", readonly=True):
                    yield connection
            finally:
                await connection.close()
        except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
            raise LedgerUnavailable from error


def _mark(number: int) -> str:
    return f"${number}"


def _charged(row: asyncpg.Record) -> Charged:
    hold_id, created, state, currency, cost_nano, model, cluster, prices, flags, usage, *payer = row
    return Charged(
        hold_id,
        created,
        state,
        currency,
        cost_nano,
        Payer(*payer),
        model,
        cluster,
        decode_prices(prices).get(cluster),
        usage_from_json(_json(usage)),
        tuple(flags),
    )


def _json(text: str | None) -> Mapping[str, Any] | None:
    return None if text is None else dict(json.loads(text))
