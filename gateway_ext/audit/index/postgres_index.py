"""The index in PostgreSQL, in a schema of its own. Gateways whose `audit_origin` differs may share one."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, TypeAlias, TypeVar

import asyncpg

from gateway_ext.audit.index.schema import SCHEMA_VERSION, TABLES, statements
from gateway_ext.audit.index.steps import Insert, Many, Query, Row, Step, Steps
from gateway_ext.audit.index.stepwise import StepwiseIndex
from gateway_ext.audit.index.store import REBUILD, IndexDamagedError, IndexUnavailableError, Read
from gateway_ext.postgres_url import checked

if TYPE_CHECKING:
    from asyncpg.pool import PoolConnectionProxy

    Session: TypeAlias = PoolConnectionProxy[asyncpg.Record]

ANSWER_SECONDS = 60.0
CONNECTIONS_MAX = 4

# Each question is a walk through one index that ends early, which estimates of how much there is cannot tell.
_PLANNER = {"jit": "off", "plan_cache_mode": "force_custom_plan"} | {
    f"enable_{way}": "off" for way in ("hashjoin", "mergejoin", "seqscan", "bitmapscan", "material")
}

Result = TypeVar("Result")


class PostgresIndex(StepwiseIndex):
    """Implements store.Index, whose docstrings are the contract. Of one event loop."""

    def __init__(self, url: str, *, schema: str = "gateway_audit") -> None:
        """Raises ConfigurationError for an address that cannot be used."""
        self._url = checked(url, "audit_index_url")
        self._schema = schema
        self._pool: asyncpg.Pool[asyncpg.Record] | None = None

    async def clear(self) -> None:
        async with self._session(prepares=False) as session, session.transaction():
            await self._lock(session)
            for table in TABLES:
                await session.execute(f"DROP TABLE IF EXISTS {table}")
            await self._make(session)

    async def optimize(self) -> None:
        async with self._session() as session:
            for table in TABLES:
                await session.execute(f"VACUUM (ANALYZE) {table}")

    async def close(self) -> None:
        if self._pool is not None:
            self._pool.terminate()
            self._pool = None

    async def _do(self, steps: Steps[Result], *, writes: bool = False, read: Read | None = None) -> Result:
        # A reader sees one moment; a writer, behind the lock, what the one before it has committed.
        async with (
            self._session() as session,
            session.transaction(isolation="read_committed" if writes else "repeatable_read", readonly=not writes),
        ):
            if writes:
                await self._lock(session)
            rows: Sequence[Row] = ()
            try:
                step = next(steps)
                while True:
                    rows = await self._rows(session, step, read)
                    step = steps.send(rows)
            except StopIteration as end:
                result: Result = end.value
                return result

    async def _rows(self, session: Session, step: Step, read: Read | None) -> Sequence[Row]:
        match step:
            case Query():
                return [tuple(row) for row in await session.fetch(_numbered(step.sql), *step.parameters)]
            case Many():
                await session.executemany(_numbered(step.sql), step.rows)
            case Insert():
                await session.copy_records_to_table(
                    step.table, records=step.rows, columns=step.columns, schema_name=self._schema
                )
            case _:
                assert read is not None
                return [(event,) for event in await asyncio.to_thread(read, step.places)]
        return ()

    @asynccontextmanager
    async def _session(self, *, prepares: bool = True) -> AsyncIterator[Session]:
        try:
            if self._pool is None:
                pool = await self._connected()
                try:
                    if prepares:
                        await self._prepare(pool)
                except BaseException:
                    pool.terminate()
                    raise
                self._pool = pool
            async with self._pool.acquire(timeout=ANSWER_SECONDS) as session:
                yield session
        except (asyncpg.UndefinedTableError, asyncpg.UndefinedColumnError):
            raise IndexDamagedError(f"the search index in PostgreSQL has lost tables; {REBUILD}") from None
        except (OSError, TimeoutError, ValueError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
            # The text of such an error may hold the address; the server's log says more.
            raise IndexUnavailableError(
                f"the search index in PostgreSQL cannot be used ({type(error).__name__}); check audit_index_url, the server and its"
                " logs"
            ) from None

    async def _connected(self) -> asyncpg.Pool[asyncpg.Record]:
        return await asyncpg.create_pool(
            self._url,
            min_size=0,
            max_size=CONNECTIONS_MAX,
            timeout=ANSWER_SECONDS,
            command_timeout=ANSWER_SECONDS,
            server_settings={"search_path": self._schema, "application_name": "gateway-ext", **_PLANNER},
        )

    async def _prepare(self, pool: asyncpg.Pool[asyncpg.Record]) -> None:
        async with pool.acquire() as session, session.transaction():
            await self._lock(session)
            if await session.fetchval("SELECT to_regclass('generation') IS NULL"):
                await self._make(session)
            found = await session.fetchval("SELECT version FROM generation")
        if found != SCHEMA_VERSION:
            raise IndexDamagedError(
                f"the search index in PostgreSQL is of version {found}, not {SCHEMA_VERSION}; {REBUILD}"
            )

    async def _make(self, session: Session) -> None:
        if await session.fetchval("SELECT to_regnamespace($1) IS NULL", f'"{self._schema}"'):
            await session.execute(f'CREATE SCHEMA "{self._schema}"')
        for statement in statements(is_sqlite=False):
            await session.execute(statement)
        await session.execute("INSERT INTO generation VALUES ($1, $2)", secrets.token_hex(8), SCHEMA_VERSION)

    async def _lock(self, session: Session) -> None:
        """One writer at a time: two logs may tell of the same exchange."""
        await session.execute("SELECT pg_advisory_xact_lock(hashtext($1))", f"gateway-ext {self._schema}")


def _numbered(sql: str) -> str:
    """With PostgreSQL's placeholders."""
    first, *others = sql.split("?")
    return first + "".join(f"${number}{part}" for number, part in enumerate(others, 1))
