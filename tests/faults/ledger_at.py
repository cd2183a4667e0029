"""A ledger by its address, for tests that use it from several processes: a file's path, or a PostgreSQL URL."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import asyncpg

from gateway_ext.budget.postgres.ledger import PostgresLedger
from gateway_ext.budget.sqlite_ledger import SqliteLedger
from gateway_ext.budget.status import read_accounts
from tests.unit.budget.reservations import FixedClock, assert_books_balance, hold_states

SCHEMA = "gateway"

_ACCOUNTS = f"SELECT key, held_nano, posted_nano FROM {SCHEMA}.account ORDER BY key"
_UNLIKE_THEIR_HOLDS = f"""
SELECT key FROM {SCHEMA}.account
  LEFT JOIN (SELECT unnest(accounts) AS key, sum(CASE state WHEN 'held' THEN amount_nano ELSE 0 END) AS held,
                    sum(cost_nano) AS posted FROM {SCHEMA}.hold GROUP BY 1) AS holds USING (key)
  WHERE held_nano <> coalesce(held, 0) OR posted_nano <> coalesce(posted, 0)"""


def ledger_at(address: str) -> SqliteLedger | PostgresLedger:
    """Not yet open. Its time stands still at NOW."""
    if is_postgres(address):
        return PostgresLedger(address, FixedClock(), schema=SCHEMA)
    return SqliteLedger(Path(address), FixedClock())


def is_postgres(address: str) -> bool:
    return address.startswith("postgresql://")


def require_balance(address: str) -> None:
    """Σ posted and Σ held of the holds are what the accounts say."""
    if is_postgres(address):
        assert rows(address, _UNLIKE_THEIR_HOLDS) == []
    else:
        assert_books_balance(Path(address))


def balances(address: str) -> dict[str, tuple[int, int]]:
    """(held, posted) of each account."""
    if is_postgres(address):
        return {key: (held, posted) for key, held, posted in rows(address, _ACCOUNTS)}
    return {account.key: (account.held_nano, account.posted_nano) for account in read_accounts(Path(address))}


def states(address: str) -> dict[str, str]:
    """Of each hold."""
    if is_postgres(address):
        return dict(rows(address, f"SELECT id, state FROM {SCHEMA}.hold"))
    return hold_states(Path(address))


def rows(url: str, statement: str, *values: str) -> list[tuple[Any, ...]]:
    """What a statement finds."""

    async def read() -> list[tuple[Any, ...]]:
        connection = await asyncpg.connect(url)
        try:
            return [tuple(row) for row in await connection.fetch(statement, *values)]
        finally:
            await connection.close()

    return asyncio.run(read())
