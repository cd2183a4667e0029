"""`gateway-ext budget`: what was spent, what is held, what is left."""

from __future__ import annotations

import argparse
import asyncio
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

from gateway_ext.budget.reserve import AccountKey
from gateway_ext.budget.status import AccountStatus, newest, read_accounts
from gateway_ext.cli import budget_compare, budget_export, budget_report, budget_top_up
from gateway_ext.errors import ConfigurationError, LedgerUnavailable
from gateway_ext.limits import NANO
from gateway_ext.settings import Settings, load_settings

COLUMNS = ("RULE", "SCOPE", "VALUE", "WINDOW", "CURRENCY", "LIMIT", "POSTED", "HELD", "LEFT")
TEXT_COLUMNS = 5


@dataclass(frozen=True, slots=True)
class Row:
    """One account. `--json` prints these names."""

    rule: str
    scope: str
    value: str
    window: str
    currency: str
    limit_nano: int
    posted_nano: int
    held_nano: int
    left_nano: int


def register(subparsers: Any) -> None:
    """Add the command to argparse's subparsers."""
    budget = subparsers.add_parser("budget", help="show budgets and what was spent")
    commands = budget.add_subparsers(title="commands", metavar="COMMAND", required=True)
    status = commands.add_parser(
        "status",
        help="list the accounts of the newest windows",
        description="Lists every account that a request has used: its limit as of the last granted request, what was "
        "posted, what is held for requests under way, and what is left.",
    )
    status.add_argument("--settings", type=Path, metavar="FILE", help="process settings (YAML)")
    status.add_argument("--state", type=Path, metavar="DIR", help="where the ledger lies, instead of the settings'")
    status.add_argument("--all", action="store_true", help="list past windows, too")
    status.add_argument("--json", action="store_true", help="print JSON; amounts are integers in nano-units")
    status.set_defaults(run=run)
    budget_report.register(commands)
    budget_compare.register(commands)
    budget_export.register(commands)
    budget_top_up.register(commands)


def run(options: argparse.Namespace) -> int:
    """Print the accounts. Raises ConfigurationError when there is no readable ledger."""
    accounts = _accounts(load_settings(options.settings, state_dir=options.state))
    shown = accounts if options.all else newest(accounts)
    rows = sorted(map(_row, shown), key=lambda row: (row.window, row.rule, row.value))
    print(json.dumps([asdict(row) for row in rows], indent=2) if options.json else _table(rows))
    return 0


def _accounts(settings: Settings) -> list[AccountStatus]:
    if settings.ledger_url:
        from gateway_ext.budget.postgres import status  # noqa: PLC0415  (extra `postgres`)

        try:
            return asyncio.run(status.read_accounts(settings.ledger_url))
        except LedgerUnavailable as error:
            raise ConfigurationError(
                f"the ledger's PostgreSQL cannot be read ({type(error.__cause__).__name__})"
            ) from None
    path = settings.layout.ledger
    if not path.exists():
        raise ConfigurationError(f"{path}: there is no ledger; give --state, or start the gateway to create it")
    try:
        return read_accounts(path)
    except LedgerUnavailable as error:
        raise ConfigurationError(
            f"{path}: the ledger cannot be read ({error.__cause__}); check its permissions"
        ) from error


def _row(account: AccountStatus) -> Row:
    key = AccountKey.parse(account.key)
    return Row(
        rule=key.rule,
        scope=key.scope,
        value=key.value,
        window=key.window,
        currency=key.currency,
        limit_nano=account.limit_nano,
        posted_nano=account.posted_nano,
        held_nano=account.held_nano,
        left_nano=account.left_nano,
    )


def _table(rows: Sequence[Row]) -> str:
    if not rows:
        return "No budget has been used yet."
    cells = [COLUMNS, *map(_cells, rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return "\n".join(
        "  ".join(
            cell.ljust(width) if index < TEXT_COLUMNS else cell.rjust(width)
            for index, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in cells
    )


def _cells(row: Row) -> tuple[str, ...]:
    amounts = (row.limit_nano, row.posted_nano, row.held_nano, row.left_nano)
    texts = (row.rule, row.scope, row.value, row.window, row.currency)
    return (*map(_printable, texts), *(f"{Decimal(amount) / NANO:,.6f}" for amount in amounts))


def _printable(text: str) -> str:
    """Subjects come from tokens: a control character in one must not reach the terminal."""
    return "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in text)
