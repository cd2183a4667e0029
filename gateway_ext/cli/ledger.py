"""`gateway-ext ledger`: look after the ledger's tables on PostgreSQL."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from gateway_ext.errors import ConfigurationError
from gateway_ext.settings import load_settings


def register(subparsers: Any) -> None:
    """Add the command to argparse's subparsers."""
    ledger = subparsers.add_parser("ledger", help="make and renew the ledger's tables on PostgreSQL")
    commands = ledger.add_subparsers(title="commands", metavar="COMMAND", required=True)
    migrate = commands.add_parser(
        "migrate",
        help="bring the tables to this program's version",
        description="Run it before the first start and before a new version of the gateway; again it changes nothing. The "
        "ledger of a state directory (SQLite) needs no such step.",
    )
    migrate.add_argument("--settings", type=Path, metavar="FILE", help="process settings (YAML)")
    migrate.add_argument("--url", help="postgresql://user@host/database, instead of the settings' ledger_url")
    migrate.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Migrate. Raises ConfigurationError."""
    url = load_settings(options.settings, ledger_url=options.url).ledger_url
    if not url:
        raise ConfigurationError("there is no ledger_url in the settings; give --url")
    try:
        from gateway_ext.budget.postgres.migrate import migrate  # noqa: PLC0415  (extra `postgres`)
    except ImportError as error:
        raise ConfigurationError(
            f"'{error.name}' is missing; install it with: pip install 'gateway-ext[postgres]'"
        ) from None
    migrate(url)
    print("The ledger's tables are of this program's version.")
    return 0
