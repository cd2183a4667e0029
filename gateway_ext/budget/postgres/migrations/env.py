"""Alembic's environment: what `gateway-ext ledger migrate` runs."""

from __future__ import annotations

import asyncio

from alembic import context
from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool


def _migrate(connection: Connection, schema: str) -> None:
    connection.execute(text(f'CREATE SCHEMA IF NOT EXISTS "{schema}"'))
    connection.execute(text(f'SET search_path TO "{schema}"'))
    context.configure(connection=connection, transactional_ddl=True, version_table_schema=schema)
    with context.begin_transaction():
        # Two operators at a time: the second one finds nothing left to do.
        connection.execute(text("SELECT pg_advisory_xact_lock(hashtextextended('gateway-ext ledger', 0))"))
        context.run_migrations()
    connection.commit()


async def _run() -> None:
    options = context.config.attributes
    engine = create_async_engine(options["url"], poolclass=NullPool)
    try:
        async with engine.connect() as connection:
            await connection.run_sync(_migrate, options["schema"])
    finally:
        await engine.dispose()


asyncio.run(_run())
