"""`gateway-ext budget top-up`, `end-top-up` and `top-ups`: money on top of a budget for a while; what was granted."""

from __future__ import annotations

import argparse
import asyncio
import json
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from gateway_ext.administration import top_ups
from gateway_ext.administration.actor import Actor
from gateway_ext.administration.known_names import UnknownNameError
from gateway_ext.budget.reserve import AccountKey
from gateway_ext.budget.rules import TopUp
from gateway_ext.cli.settings_arguments import add_settings_arguments, settings_of_state
from gateway_ext.cli.table import table
from gateway_ext.clock import SystemClock
from gateway_ext.errors import ConfigurationError, LedgerUnavailable
from gateway_ext.limits import NANO
from gateway_ext.settings import Settings

COLUMNS = ("BUDGET", "SCOPE", "VALUE", "MODEL", "AMOUNT", "CURRENCY", "FROM", "UNTIL", "ACTOR", "REASON", "ID")


@dataclass(frozen=True, slots=True)
class Row:
    """One top-up. `--json` prints these names; the amount is an exact decimal."""

    budget: str
    scope: str
    value: str
    model: str
    amount: str
    currency: str
    begins: str
    ends: str
    actor: str
    reason: str
    id: str


def register(commands: Any) -> None:
    """Add `top-up`, `end-top-up` and `top-ups` to the commands of `budget`."""
    grant = commands.add_parser(
        "top-up",
        help="grant money on top of a budget for a while",
        description="Adds to one account of a budget of budgets.yaml, at once and on every processor, whatever periods "
        "the days fall into. Example: gateway-ext budget top-up per-team sales 250 --until 2027-01-31 --reason 'trade fair'",
    )
    grant.add_argument("rule", metavar="RULE", help="the budget's name")
    grant.add_argument("value", metavar="VALUE", help="which user, team, …, as the budget's scope says")
    grant.add_argument("amount", metavar="AMOUNT", help="in units of the currency, such as 12.50")
    grant.add_argument(
        "--until", type=_day, required=True, metavar="DAY", help="the last day, in the budget's time zone: 2027-01-31"
    )
    grant.add_argument("--reason", required=True, metavar="TEXT", help="one line, for the audit trail")
    grant.add_argument("--model", default="", metavar="NAME", help="of a budget with an account for each model")
    grant.add_argument("--unknown", action="store_true", help="grant it although nobody has spent under this name")
    grant.add_argument("--actor", metavar="NAME", help="who grants it (default: the user of this machine)")
    add_settings_arguments(grant)
    grant.set_defaults(run=run_grant)
    ended = commands.add_parser(
        "end-top-up",
        help="end a top-up before its day",
        description="Nothing more can be spent of it, at once and on every processor; what was spent stays spent.",
    )
    ended.add_argument("id", metavar="ID", help="as 'budget top-ups' lists it")
    ended.add_argument("--reason", required=True, metavar="TEXT", help="one line, for the audit trail")
    ended.add_argument("--actor", metavar="NAME", help="who ends it (default: the user of this machine)")
    add_settings_arguments(ended)
    ended.set_defaults(run=run_end)
    shown = commands.add_parser("top-ups", help="list the top-ups that have not ended")
    shown.add_argument("--json", action="store_true", help="print JSON")
    add_settings_arguments(shown)
    shown.set_defaults(run=run_list)


def run_grant(options: argparse.Namespace) -> int:
    """Grant it. Raises ConfigurationError; then nothing has changed."""
    from gateway_ext.policy.loader import load_policy  # noqa: PLC0415  (slow)

    settings = settings_of_state(options)
    order = top_ups.Order(
        options.rule,
        options.value,
        top_ups.amount_nano(options.amount),
        options.until,
        options.reason,
        options.model,
    )
    snapshot = load_policy(settings.policies_dir)
    by = Actor(options.actor) if options.actor else Actor()

    async def grant() -> TopUp:
        from gateway_ext.bootstrap.ledger import opened_ledger, opened_spending  # noqa: PLC0415  (imports every adapter)

        async with opened_spending(settings) as spending, opened_ledger(settings) as ledger:
            top_up = await top_ups.checked(order, snapshot, spending, unknown=options.unknown)
            await top_ups.grant(settings, top_up, by, ledger)
            return top_up

    try:
        row = _row(_answered(grant()))
    except UnknownNameError as error:
        raise ConfigurationError(f"{error}. --unknown grants it all the same") from None
    print(
        f"Granted: {row.amount} {row.currency} on top of '{row.budget}' for {row.scope} {row.value}, until {row.ends}."
    )
    return 0


def run_end(options: argparse.Namespace) -> int:
    """End it; 1 when there is none that has not ended. Raises ConfigurationError; then nothing has changed."""
    settings = settings_of_state(options)
    by = Actor(options.actor) if options.actor else Actor()

    async def end() -> TopUp | None:
        from gateway_ext.bootstrap.ledger import opened_ledger, opened_spending  # noqa: PLC0415  (imports every adapter)

        async with opened_spending(settings) as spending, opened_ledger(settings) as ledger:
            return await top_ups.end(settings, options.id, options.reason, by, ledger, spending)

    ended = _answered(end())
    if ended is None:
        print("There is no such top-up, or it has ended already.")
        return 1
    row = _row(ended)
    print(f"Ended: {row.amount} {row.currency} on top of '{row.budget}' for {row.scope} {row.value}.")
    return 0


def run_list(options: argparse.Namespace) -> int:
    """List them. Raises ConfigurationError."""
    rows = [_row(each) for each in _answered(_granted(settings_of_state(options)))]
    if options.json:
        print(json.dumps([asdict(row) for row in rows], indent=2))
    else:
        print(table(COLUMNS, [tuple(asdict(row).values()) for row in rows]) if rows else "Nothing is granted on top.")
    return 0


async def _granted(settings: Settings) -> list[TopUp]:
    from gateway_ext.bootstrap.ledger import opened_spending  # noqa: PLC0415  (imports every adapter)

    async with opened_spending(settings) as spending:
        return await spending.top_ups(SystemClock().now_unix_nano())


def _answered(asked: Any) -> Any:
    try:
        return asyncio.run(asked)
    except LedgerUnavailable as error:
        raise ConfigurationError(f"the ledger cannot be read ({type(error.__cause__).__name__})") from error


def _row(top_up: TopUp) -> Row:
    currency, _, budget = top_up.budget.partition("/")
    key = AccountKey.parse(f"{currency}//{budget}")
    return Row(
        budget=key.rule,
        scope=key.scope,
        value=key.value,
        model=key.model,
        amount=f"{Decimal(top_up.amount_nano) / NANO:f}",
        currency=key.currency,
        begins=_time(top_up.begins_unix_nano),
        ends=_time(top_up.ends_unix_nano),
        actor=top_up.actor,
        reason=top_up.reason,
        id=top_up.id,
    )


def _time(unix_nano: int) -> str:
    return datetime.fromtimestamp(unix_nano // NANO, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError("must be a day, such as 2027-01-31") from None
