"""`gateway-ext budget status`: what was spent, what is held, what is left of budgets and of quotas."""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from gateway_ext.budget.balances import topped_up
from gateway_ext.budget.quota_levels import QuotaLevel, quota_levels
from gateway_ext.budget.quotas import State
from gateway_ext.budget.reserve import AccountKey
from gateway_ext.budget.rules import TopUp
from gateway_ext.budget.status import AccountStatus, newest, read_accounts
from gateway_ext.cli.settings_arguments import add_settings_arguments, settings_of
from gateway_ext.cli.table import table
from gateway_ext.clock import SystemClock
from gateway_ext.errors import ConfigurationError, LedgerUnavailable
from gateway_ext.limits import NANO
from gateway_ext.quota import Unit
from gateway_ext.settings import Settings

COLUMNS = ("RULE", "SCOPE", "VALUE", "MODEL", "WINDOW", "CURRENCY", "LIMIT", "ADDED", "POSTED", "HELD", "LEFT")
AMOUNTS = 5
QUOTA_COLUMNS = ("QUOTA", "SCOPE", "VALUE", "MODEL", "CLASS", "UNIT", "PER", "FULL AT", "LIMIT", "LEFT")
_PERIODS = {0: "", 60: "minute", 3_600: "hour", 86_400: "day"}


@dataclass(frozen=True, slots=True)
class Row:
    """One account. `--json` prints these names. `added_nano` was carried over or granted on top."""

    rule: str
    scope: str
    value: str
    model: str
    window: str
    currency: str
    limit_nano: int
    added_nano: int
    posted_nano: int
    held_nano: int
    left_nano: int


def register(commands: Any) -> None:
    """Add `status` to the commands of `budget`."""
    status = commands.add_parser(
        "status",
        help="list what is left of budgets and quotas",
        description="Lists every account that a request has used: its limit as of the last granted request, what was "
        "carried over or granted on top, what was posted, what is held for requests under way, and what is left. Then every"
        " quota that is not full, by today's policy.",
    )
    status.add_argument("--all", action="store_true", help="list past windows, too")
    status.add_argument("--json", action="store_true", help="print JSON; amounts are integers in nano-units")
    add_settings_arguments(status)
    status.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Print the accounts and the quotas. Raises ConfigurationError when there is no readable ledger."""
    settings, now_unix_nano = settings_of(options), SystemClock().now_unix_nano()
    accounts = _accounts(settings)
    top_ups, states = asyncio.run(_beside(settings, now_unix_nano))
    added_nano = topped_up(top_ups, now_unix_nano)
    shown = accounts if options.all else newest(accounts)
    rows = sorted(
        (_row(account, added_nano, now_unix_nano) for account in shown),
        key=lambda row: (row.window, row.rule, row.value),
    )
    levels = _levels(settings, states, now_unix_nano)
    if options.json:
        print(json.dumps({"budgets": list(map(asdict, rows)), "quotas": _documents(levels)}, indent=2))
        return 0
    print(table(COLUMNS, map(_cells, rows), numbers=AMOUNTS) if rows else "No budget has been used yet.")
    if levels:
        print(f"\n{table(QUOTA_COLUMNS, map(_quota_cells, levels), numbers=2)}")
    return 0


def _accounts(settings: Settings) -> list[AccountStatus]:
    if settings.ledger_url:
        from gateway_ext.budget.postgres import status  # noqa: PLC0415  (extra `postgres`)

        try:
            return asyncio.run(status.read_accounts(settings.ledger_url))
        except LedgerUnavailable as error:
            raise _unreadable("the ledger's PostgreSQL", error) from None
    path = settings.layout.ledger
    if not path.exists():
        raise ConfigurationError(f"{path}: there is no ledger; give --state, or start the gateway to create it")
    try:
        return read_accounts(path)
    except LedgerUnavailable as error:
        raise ConfigurationError(
            f"{path}: the ledger cannot be read ({error.__cause__}); check its permissions"
        ) from error


async def _beside(settings: Settings, now_unix_nano: int) -> tuple[list[TopUp], Mapping[str, State]]:
    from gateway_ext.bootstrap.ledger import opened_spending  # noqa: PLC0415  (imports every adapter)

    try:
        async with opened_spending(settings) as spending:
            return await spending.top_ups(now_unix_nano), await spending.quotas()
    except LedgerUnavailable as error:
        raise _unreadable("the ledger", error) from None


def _unreadable(what: str, error: LedgerUnavailable) -> ConfigurationError:
    """Its class only: the text of a database's error may name what is nobody's business here."""
    return ConfigurationError(f"{what} cannot be read ({type(error.__cause__).__name__})")


def _levels(settings: Settings, states: Mapping[str, State], now_unix_nano: int) -> list[QuotaLevel] | None:
    """Those that are not full. None: nobody can say without a policy, which an incident must not need to see accounts."""
    if not states:
        return []
    from gateway_ext.policy.loader import load_policy  # noqa: PLC0415  (slow)

    try:
        rules = load_policy(settings.policies_dir).budget
    except ConfigurationError:
        print(
            f"Quotas are not shown: the policy in {settings.policies_dir} cannot be used; see 'gateway-ext policy check'.",
            file=sys.stderr,
        )
        return None
    return [each for each in quota_levels(states, rules, now_unix_nano) if each.left < each.limit]


def _row(account: AccountStatus, added_nano: Mapping[str, int], now_unix_nano: int) -> Row:
    key = AccountKey.parse(account.key)
    is_over = account.ends_unix_nano is not None and account.ends_unix_nano <= now_unix_nano
    on_top_nano = 0 if is_over else added_nano.get(f"{key.currency}/{key.budget}", 0)
    return Row(
        rule=key.rule,
        scope=key.scope,
        value=key.value,
        model=key.model,
        window=key.window,
        currency=key.currency,
        limit_nano=account.limit_nano,
        added_nano=account.carried_nano + on_top_nano,
        posted_nano=account.posted_nano,
        held_nano=account.held_nano,
        left_nano=account.left_nano + on_top_nano,
    )


def _cells(row: Row) -> tuple[str, ...]:
    amounts = (row.limit_nano, row.added_nano, row.posted_nano, row.held_nano, row.left_nano)
    return (row.rule, row.scope, row.value, row.model, row.window, row.currency, *map(_amount, amounts))


def _documents(levels: Sequence[QuotaLevel] | None) -> list[dict[str, Any]] | None:
    return None if levels is None else [asdict(each) for each in levels]


def _quota_cells(level: QuotaLevel) -> tuple[str, ...]:
    is_money = level.unit is Unit.MONEY
    counts = [_amount(each) if is_money else f"{each:,}" for each in (level.limit, level.left)]
    full = level.full_unix_seconds
    return (
        level.rule,
        level.scope,
        level.value,
        level.model,
        level.priority,
        level.currency if is_money else str(level.unit),
        _PERIODS.get(level.period_seconds, f"{level.period_seconds} s"),
        "" if full is None else datetime.fromtimestamp(full, UTC).isoformat().replace("+00:00", "Z"),
        *counts,
    )


def _amount(nano: int) -> str:
    return f"{Decimal(nano) / NANO:,.6f}"
