"""Reading the accounts of a ledger on PostgreSQL."""

from __future__ import annotations

import asyncpg

from gateway_ext.budget.postgres.statements import SELECT_ACCOUNTS
from gateway_ext.budget.postgres.url import checked
from gateway_ext.budget.status import AccountStatus
from gateway_ext.errors import LedgerUnavailable

ANSWER_SECONDS = 30.0


async def read_accounts(url: str, *, schema: str = "gateway") -> list[AccountStatus]:
    """All accounts of all windows, by key. Raises LedgerUnavailable, ConfigurationError."""
    try:
        connection = await asyncpg.connect(
            checked(url),
            timeout=ANSWER_SECONDS,
            command_timeout=ANSWER_SECONDS,
            server_settings={"search_path": schema},
        )
        try:
            return [AccountStatus(*row) for row in await connection.fetch(SELECT_ACCOUNTS)]
        finally:
            await connection.close()
    except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        raise LedgerUnavailable from error
