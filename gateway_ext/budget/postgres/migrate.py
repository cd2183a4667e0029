"""Bring the ledger's tables to this program's version. Alembic keeps count; run by an operator, never by a processor."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy.engine import make_url
from sqlalchemy.exc import SQLAlchemyError

from gateway_ext.budget.postgres.url import checked
from gateway_ext.errors import ConfigurationError

MIGRATIONS = Path(__file__).parent / "migrations"


def migrate(url: str, *, schema: str = "gateway") -> None:
    """Make or renew the tables in `schema`. Blocks; not to be called on an event loop. Raises ConfigurationError."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    try:
        config.attributes |= {"url": make_url(checked(url)).set(drivername="postgresql+asyncpg"), "schema": schema}
        command.upgrade(config, "head")
    except (SQLAlchemyError, OSError) as error:
        # The text of such an error may hold the address and statements; the server's log says more.
        raise ConfigurationError(
            f"the ledger's tables cannot be made ({type(error).__name__}); check ledger_url, and that its user may create"
            f" schema '{schema}'"
        ) from None
