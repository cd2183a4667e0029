"""The ledger that settings name, for those who reserve and those who watch."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from gateway_ext.budget.leases.ledger import LeasedLedger
from gateway_ext.budget.sqlite_ledger import SqliteLedger
from gateway_ext.budget.sqlite_spending import SqliteSpending
from gateway_ext.clock import SystemClock
from gateway_ext.errors import ConfigurationError
from gateway_ext.ports import Ledger, PolicySource, Spending
from gateway_ext.settings import Settings

if TYPE_CHECKING:
    from gateway_ext.budget.leases.slices import Slices
    from gateway_ext.budget.postgres.ledger import PostgresLedger


@asynccontextmanager
async def opened_ledger(settings: Settings, leases_by: PolicySource | None = None) -> AsyncIterator[Ledger]:
    """The ledger of `settings`, open while the context lasts. Raises ConfigurationError.

    `leases_by`: the policy of a process that reserves, which may lease slices of budgets.
    """
    ledger: SqliteLedger | PostgresLedger | LeasedLedger
    if settings.ledger_url:
        from gateway_ext.budget.postgres.ledger import PostgresLedger  # noqa: PLC0415  (extra `postgres`)

        ledger = PostgresLedger(settings.ledger_url, SystemClock())
    else:
        ledger = SqliteLedger(settings.layout.ledger, SystemClock())
    if settings.redis_url and not settings.ledger_leases:
        raise ConfigurationError("redis_url is where leases are shared; set 'ledger_leases: on', or remove redis_url")
    if settings.ledger_leases and leases_by is not None:
        ledger = LeasedLedger(
            ledger,
            SystemClock(),
            admits_alone=lambda: leases_by.current().budget.admits_within_lease,
            slices=_shared_slices(settings),
        )
    await ledger.open()
    try:
        yield ledger
    finally:
        await ledger.close()


def _shared_slices(settings: Settings) -> Slices | None:
    """None: each processor has its own. Raises ConfigurationError."""
    if not settings.redis_url:
        return None
    from gateway_ext.budget.redis.slices import RedisSlices  # noqa: PLC0415  (extra `redis`)

    return RedisSlices(settings.redis_url, settings.redis_password_file)


@asynccontextmanager
async def opened_spending(settings: Settings) -> AsyncIterator[Spending]:
    """The ledger of `settings` for those who only watch it. Raises ConfigurationError."""
    spending: Spending
    if settings.ledger_url:
        from gateway_ext.budget.postgres.spending import PostgresSpending  # noqa: PLC0415  (extra `postgres`)

        spending = PostgresSpending(settings.ledger_url)
    else:
        spending = SqliteSpending(settings.layout.ledger)
    try:
        yield spending
    finally:
        await spending.close()
