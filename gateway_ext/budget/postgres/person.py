"""What a ledger on PostgreSQL keeps of a person (budget/person.py)."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

import asyncpg

from gateway_ext.budget.person import ACCOUNT_COLUMNS, HOLD_COLUMNS, Renaming, moves
from gateway_ext.budget.postgres.url import checked
from gateway_ext.budget.scopes import percent_encoded
from gateway_ext.errors import LedgerUnavailable

CONNECT_SECONDS = 30.0
ROWS_AT_ONCE = 1_000

_SELECT_HOLDS = f"SELECT {', '.join(HOLD_COLUMNS)} FROM hold WHERE subject = $1 ORDER BY created_unix_nano, id"  # noqa: S608
_SELECT_ACCOUNTS = f"SELECT {', '.join(ACCOUNT_COLUMNS)} FROM account WHERE strpos(key, $1) > 0 ORDER BY key"  # noqa: S608

# `$2` is the name as keys have it: more may contain it than are meant, never fewer. Holds are locked before accounts, and both
# in the order of their keys, as everywhere in this ledger.
_SELECT_NAMED = """
SELECT id, subject, credential_id, accounts, quotas FROM hold
WHERE subject = $1 OR strpos(array_to_string(accounts, ' '), $2) > 0 OR strpos(quotas::text, $2) > 0
ORDER BY id FOR UPDATE"""
_SELECT_CREDENTIALS = """
SELECT DISTINCT credential_id FROM hold WHERE subject = $1 AND credential_id <> ''
EXCEPT SELECT credential_id FROM hold WHERE subject <> $1"""
_RENAME_HOLD = "UPDATE hold SET subject = $2, credential_id = $3, accounts = $4, quotas = $5::jsonb WHERE id = $1"

_MOVE_ACCOUNT = """
INSERT INTO account AS known
  (key, rule, limit_nano, held_nano, posted_nano, carried_nano, handed_over_nano, ends_unix_nano)
SELECT $2, rule, limit_nano, held_nano, posted_nano, carried_nano, handed_over_nano, ends_unix_nano
FROM account WHERE key = $1
ON CONFLICT (key) DO UPDATE SET
  held_nano = known.held_nano + excluded.held_nano, posted_nano = known.posted_nano + excluded.posted_nano,
  carried_nano = known.carried_nano + excluded.carried_nano,
  handed_over_nano = known.handed_over_nano + excluded.handed_over_nano"""
_MOVE_QUOTA = """
INSERT INTO quota AS known (key, full_unix_nano, held) SELECT $2, full_unix_nano, held FROM quota WHERE key = $1
ON CONFLICT (key) DO UPDATE SET
  full_unix_nano = greatest(known.full_unix_nano, excluded.full_unix_nano), held = known.held + excluded.held"""

if TYPE_CHECKING:
    _Connection: TypeAlias = asyncpg.Connection[asyncpg.Record]
_Result = TypeVar("_Result")


class PostgresPerson:
    """Implements PersonInLedger, whose docstrings are the contract; on an event loop of its own.

    What PostgreSQL keeps of old rows in pages, its log and backups is for whoever runs it to remove.
    """

    def __init__(self, url: str, *, schema: str = "gateway") -> None:
        """Raises ConfigurationError for an address that cannot be used."""
        self._url = checked(url)
        self._schema = schema

    def holds(self, name: str) -> Iterator[Mapping[str, Any]]:
        yield from self._read(_SELECT_HOLDS, name)

    def accounts(self, name: str) -> Iterator[Mapping[str, Any]]:
        renaming = Renaming(name, "")
        for row in self._read(_SELECT_ACCOUNTS, percent_encoded(name)):
            if renaming.key(row["key"]) != row["key"]:
                yield row

    def rename(self, renaming: Renaming) -> int:
        async def work(connection: _Connection) -> int:
            async with connection.transaction():
                return await _rename(connection, renaming)

        return self._run(work)

    def _run(self, work: Callable[[_Connection], Awaitable[_Result]]) -> _Result:
        async def run() -> _Result:
            async with self._connected() as connection:
                return await work(connection)

        return asyncio.run(run())

    def _read(self, statement: str, value: str) -> Iterator[Mapping[str, Any]]:
        with asyncio.Runner() as runner:
            batches = self._batches(statement, value)
            try:
                while rows := runner.run(anext(batches, None)):
                    yield from map(dict, rows)
            finally:
                runner.run(batches.aclose())  # type: ignore[attr-defined]  # an asynchronous generator

    async def _batches(self, statement: str, value: str) -> AsyncIterator[Sequence[asyncpg.Record]]:
        async with self._connected() as connection, connection.transaction(isolation="repeatable_read", readonly=True):
            cursor = await connection.cursor(statement, value)
            while rows := await cursor.fetch(ROWS_AT_ONCE):
                yield rows

    @asynccontextmanager
    async def _connected(self) -> AsyncIterator[_Connection]:
        try:
            connection = await asyncpg.connect(
                self._url, timeout=CONNECT_SECONDS, server_settings={"search_path": self._schema}
            )
            try:
                yield connection
            finally:
                await connection.close()
        except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
            raise LedgerUnavailable from error


async def _rename(connection: _Connection, renaming: Renaming) -> int:
    own = await connection.fetch(_SELECT_CREDENTIALS, renaming.name)
    renaming = renaming.with_credentials(row["credential_id"] for row in own)
    count = 0
    for row in await connection.fetch(_SELECT_NAMED, renaming.name, percent_encoded(renaming.name)):
        is_theirs = row["subject"] == renaming.name
        count += is_theirs
        await connection.execute(
            _RENAME_HOLD,
            row["id"],
            renaming.person(row["subject"]),
            renaming.credential(row["credential_id"]) if is_theirs else row["credential_id"],
            [renaming.key(key) for key in row["accounts"]],
            json.dumps(renaming.quotas(json.loads(row["quotas"]))),
        )
    await _move(connection, "account", _MOVE_ACCOUNT, renaming.key)
    await _move(connection, "quota", _MOVE_QUOTA, renaming.key)
    for row in await connection.fetch("SELECT id, budget, actor FROM top_up ORDER BY id"):
        now = (renaming.budget(row["budget"]), renaming.person(row["actor"]))
        if now != (row["budget"], row["actor"]):
            await connection.execute("UPDATE top_up SET budget = $2, actor = $3 WHERE id = $1", row["id"], *now)
    return count


async def _move(connection: _Connection, table: str, statement: str, of: Callable[[str], str]) -> None:
    keys = [row["key"] for row in await connection.fetch(f"SELECT key FROM {table}")]  # noqa: S608  (one of two constants)
    for old, new in moves(keys, of).items():
        await connection.execute(f"SELECT 1 FROM {table} WHERE key = $1 FOR UPDATE", old)  # noqa: S608
        await connection.execute(statement, old, new)
        await connection.execute(f"DELETE FROM {table} WHERE key = $1", old)  # noqa: S608
