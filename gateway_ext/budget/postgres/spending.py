"""Who has spent how much, read from a ledger on PostgreSQL over one connection that is made anew when it is lost."""

from __future__ import annotations

import asyncio
from typing import Any

import asyncpg

from gateway_ext.budget.postgres.url import checked
from gateway_ext.budget.quotas import State
from gateway_ext.budget.rules import TopUp
from gateway_ext.budget.spending import Look, Spent
from gateway_ext.errors import LedgerUnavailable

ANSWER_SECONDS = 30.0

# Keys are compared by their bytes, whatever the language of the database.
SELECT_SPENT = """
SELECT substr(key, $3), posted_nano, held_nano, carried_nano FROM account
WHERE key COLLATE "C" >= $1 AND key COLLATE "C" < $2 AND posted_nano >= $4"""

SELECT_SPENT_ROLLING = """
SELECT substr(key, $3), sum(posted_nano)::bigint, sum(held_nano)::bigint, sum(carried_nano)::bigint FROM account
WHERE key COLLATE "C" >= $1 AND key COLLATE "C" < $2 AND starts_with(substr(key, $3), $5)
GROUP BY substr(key, $3) HAVING sum(posted_nano) >= $4"""

SELECT_TOP_UPS = """
SELECT id, budget, amount_nano, begins_unix_nano, ends_unix_nano, actor, reason FROM top_up
WHERE ends_unix_nano > $1 ORDER BY ends_unix_nano, id"""

SELECT_QUOTAS = "SELECT key, full_unix_nano, held FROM quota"

HAS_ACCOUNT = """
SELECT 1 FROM account WHERE rule = $1 AND (right(key, length($2)) = $2 OR strpos(key, $2 || '/') > 0) LIMIT 1"""


class PostgresSpending:
    """Implements ports.Spending. One task at a time waits for the server, the others for it."""

    def __init__(self, url: str, *, schema: str = "gateway") -> None:
        """Raises ConfigurationError for an address that cannot be used."""
        self._url = checked(url)
        self._schema = schema
        self._connection: Any = None
        self._lock = asyncio.Lock()

    async def spent(self, look: Look, posted_nano_min: int) -> list[Spent]:
        values = (look.low, look.high, look.at, posted_nano_min)
        if look.is_rolling:
            return [Spent(*row) for row in await self._fetch(SELECT_SPENT_ROLLING, *values, look.budget)]
        return [Spent(*row) for row in await self._fetch(SELECT_SPENT, *values)]

    async def top_ups(self, ends_after_unix_nano: int) -> list[TopUp]:
        return [TopUp(*row) for row in await self._fetch(SELECT_TOP_UPS, ends_after_unix_nano)]

    async def quotas(self) -> dict[str, State]:
        return {key: State(*numbers) for key, *numbers in await self._fetch(SELECT_QUOTAS)}

    async def has_account(self, rule: str, budget: str) -> bool:
        return bool(await self._fetch(HAS_ACCOUNT, rule, f"/{budget}"))

    async def close(self) -> None:
        if self._connection is not None:
            self._connection.terminate()
            self._connection = None

    async def _fetch(self, statement: str, *values: Any) -> Any:
        async with self._lock:
            try:
                if self._connection is None or self._connection.is_closed():
                    self._connection = await asyncpg.connect(
                        self._url,
                        timeout=ANSWER_SECONDS,
                        command_timeout=ANSWER_SECONDS,
                        server_settings={"search_path": self._schema, "application_name": "gateway-ext", "jit": "off"},
                    )
                return await self._connection.fetch(statement, *values)
            except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
                await self.close()
                raise LedgerUnavailable from error
