"""The same histories on a real PostgreSQL: its functions are a second implementation of the same rules."""

from __future__ import annotations

import asyncio
from typing import Any

import asyncpg

from gateway_ext.budget.postgres.ledger import PostgresLedger
from gateway_ext.budget.postgres.migrate import migrate
from gateway_ext.budget.rules import Reservation, Settled, Settlement, TopUp
from gateway_ext.exchange import Hold
from tests.simulator.books import Account, HoldRow, Reading


class PostgresBooks:
    """Implements Books. A transaction that dies within is the server's own affair, and its crash has tests of its own."""

    can_die = False

    def __init__(self, url: str, schema: str) -> None:
        migrate(url, schema=schema)
        self._schema = schema
        self._now_unix_nano = 0
        self._runner = asyncio.Runner()
        self._ledger = PostgresLedger(url, self, schema=schema)
        self._runner.run(self._ledger.open())
        self._reader: Any = self._runner.run(asyncpg.connect(url))

    def close(self) -> None:
        self._runner.run(self._reader.close())
        self._runner.run(self._ledger.close())
        self._runner.close()

    def now_unix_nano(self) -> int:
        """The ledger's clock."""
        return self._now_unix_nano

    def clear(self) -> None:
        tables = ", ".join(map(self._table, ("account", "hold", "top_up", "quota")))
        self._runner.run(self._reader.execute(f"TRUNCATE {tables}"))

    def die_after(self, statements: int) -> None:
        raise NotImplementedError

    def reserve(self, reservation: Reservation) -> Hold:
        return self._runner.run(self._ledger.reserve(reservation))

    def settle(self, settlement: Settlement, now_unix_nano: int) -> Settled | None:
        self._now_unix_nano = now_unix_nano
        (settled,) = self._runner.run(self._ledger.settle_all([settlement]))
        return settled

    def expire(self, now_unix_nano: int, limit: int) -> list[Settled]:
        self._now_unix_nano = now_unix_nano
        return self._runner.run(self._ledger.expire(now_unix_nano, limit))

    def top_up(self, top_up: TopUp) -> None:
        self._runner.run(self._ledger.top_up(top_up))

    def end_top_up(self, top_up_id: str, now_unix_nano: int) -> bool:
        return self._runner.run(self._ledger.end_top_up(top_up_id, now_unix_nano))

    def prune(self, now_unix_nano: int) -> int:
        return self._runner.run(self._ledger.prune(now_unix_nano))

    def read(self) -> Reading:
        return self._runner.run(self._read())

    async def _read(self) -> Reading:
        accounts = await self._reader.fetch(f"SELECT * FROM {self._table('account')}")
        holds = await self._reader.fetch(
            f"SELECT *, (usage->>'is_estimated')::boolean AS is_estimated FROM {self._table('hold')} ORDER BY id"
        )
        quotas = await self._reader.fetch(f"SELECT * FROM {self._table('quota')}")
        top_ups = await self._reader.fetch(f"SELECT * FROM {self._table('top_up')} ORDER BY id")
        return Reading(
            {row["key"]: Account(*(row[name] for name in Account._fields)) for row in accounts},
            {row["id"]: HoldRow(*(row[name] for name in HoldRow._fields)) for row in holds},
            {row["key"]: (row["full_unix_nano"], row["held"]) for row in quotas},
            ([tuple(row) for row in holds], [tuple(row) for row in top_ups]),
        )

    def _table(self, name: str) -> str:
        return f"{self._schema}.{name}"
