"""Who has spent how much, read from a ledger file without disturbing those who write it."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any, TypeVar

from gateway_ext.budget.quotas import State
from gateway_ext.budget.rules import TopUp
from gateway_ext.budget.spending import Look, Spent
from gateway_ext.budget.sqlite_file import connect_read_only
from gateway_ext.budget.sqlite_schema import HAS_TABLE, SELECT_QUOTAS, SELECT_TOP_UPS
from gateway_ext.errors import LedgerUnavailable

SELECT_SPENT = """
SELECT substr(key, ?3), posted_nano, held_nano, carried_nano FROM account
WHERE key >= ?1 AND key < ?2 AND posted_nano >= ?4"""

# One range of keys holds the buckets of all rolling budgets of the same length.
SELECT_SPENT_ROLLING = """
SELECT substr(key, ?3), sum(posted_nano), sum(held_nano), sum(carried_nano) FROM account
WHERE key >= ?1 AND key < ?2 AND substr(key, ?3, length(?5)) = ?5
GROUP BY substr(key, ?3) HAVING sum(posted_nano) >= ?4"""

HAS_ACCOUNT = """
SELECT 1 FROM account
WHERE rule = ?1 AND (substr(key, -length(?2)) = ?2 OR instr(key, ?2 || '/') > 0) LIMIT 1"""

Result = TypeVar("Result")


class SqliteSpending:
    """Implements ports.Spending. A ledger file that is not there yet has nothing spent."""

    def __init__(self, path: Path) -> None:
        self._path = path

    async def spent(self, look: Look, posted_nano_min: int) -> list[Spent]:
        statement = SELECT_SPENT_ROLLING if look.is_rolling else SELECT_SPENT
        values = (look.low, look.high, look.at, posted_nano_min, *((look.budget,) if look.is_rolling else ()))
        return await self._read(lambda connection: [Spent(*row) for row in connection.execute(statement, values)])

    async def top_ups(self, ends_after_unix_nano: int) -> list[TopUp]:
        return [TopUp(*row) for row in await self._rows("top_up", SELECT_TOP_UPS, ends_after_unix_nano)]

    async def quotas(self) -> dict[str, State]:
        return {key: State(*numbers) for key, *numbers in await self._rows("quota", SELECT_QUOTAS)}

    async def has_account(self, rule: str, budget: str) -> bool:
        asked = (rule, f"/{budget}")
        return bool(await self._read(lambda connection: connection.execute(HAS_ACCOUNT, asked).fetchall()))

    async def close(self) -> None:
        """Nothing is kept open."""

    async def _rows(self, table: str, statement: str, *values: int) -> list[tuple[Any, ...]]:
        """None of a table that a file does not have yet, because no newer program has opened it."""

        def rows(connection: sqlite3.Connection) -> list[tuple[Any, ...]]:
            has_table = connection.execute(HAS_TABLE, (table,)).fetchone()
            return connection.execute(statement, values).fetchall() if has_table else []

        return await self._read(rows)

    async def _read(self, work: Callable[[sqlite3.Connection], list[Result]]) -> list[Result]:
        def read() -> list[Result]:
            if not self._path.exists():
                return []
            try:
                with closing(connect_read_only(self._path)) as connection:
                    return work(connection)
            except sqlite3.Error as error:
                raise LedgerUnavailable from error

        return await asyncio.to_thread(read)
