"""`gateway-ext audit hold`: records that are kept beyond their time."""

from __future__ import annotations

import argparse
import json
import re
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from gateway_ext.administration.actor import Actor
from gateway_ext.administration.legal_holds import (
    begin_hold_store,
    holds_in_force,
    lift_hold,
    said,
    set_hold,
    time_said,
)
from gateway_ext.administration.recording import recorded_name
from gateway_ext.audit.retention.legal_hold import LegalHold
from gateway_ext.cli import orders
from gateway_ext.cli.table import table
from gateway_ext.clock import SystemClock
from gateway_ext.errors import ConfigurationError

COLUMNS = ("HOLD", "COVERS", "SINCE", "ACTOR", "REASON")
EXAMPLE = "gateway-ext audit hold set case-4711 --team research --from 2026-01-01 --reason 'litigation 4711'"
_YEAR_MIN, _YEAR_MAX = 1971, 2261  # as nanoseconds since 1970 they fit 64 bits
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")


def add_hold(commands: Any) -> None:
    parser = commands.add_parser("hold", help="keep records beyond their time (legal hold)")
    holds = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    setting = holds.add_parser(
        "set",
        help="erase nothing of this any more",
        description="Keeps records that match all that is given, and everything else of their exchanges, until the hold is "
        f"lifted. What was erased before does not come back. Example: {EXAMPLE}",
    )
    setting.add_argument("name", metavar="NAME", help="of the hold: a-z 0-9 . _ -")
    who = setting.add_mutually_exclusive_group()
    who.add_argument("--person", default="", metavar="NAME", help="a person, by name; the trail may have a pseudonym")
    who.add_argument("--subject", default="", metavar="SUBJECT", help="a person or service, just as the trail has it")
    setting.add_argument("--team", default="", metavar="TEAM", help="a team")
    setting.add_argument("--exchange", default="", metavar="ID", help="one exchange (gateway.exchange.id)")
    setting.add_argument(
        "--from",
        type=_moment,
        default=0,
        metavar="TIME",
        dest="since",
        help="written then or later: 2026-01-31, or with T10:00Z",
    )
    setting.add_argument("--until", type=_moment, default=0, metavar="TIME", help="written then or earlier")
    setting.add_argument("--all", action="store_true", help="everything: erase no record at all")
    orders.add_arguments(setting, shown=False)
    setting.set_defaults(run=run_set)
    lifting = holds.add_parser("lift", help="let retention erase it again")
    lifting.add_argument("name", metavar="NAME", help="of the hold")
    orders.add_arguments(lifting, shown=False)
    lifting.set_defaults(run=run_lift)
    listing = holds.add_parser("list", help="list what is held")
    listing.add_argument("--json", action="store_true", help="print JSON")
    orders.add_state(listing)
    listing.set_defaults(run=run_list)
    beginning = holds.add_parser(
        "init",
        help="begin the store of holds",
        description="Begins the store of holds, or, after a loss or a restored backup, takes the one that is there for the right "
        "one: set again first what may be missing in it. Nothing is erased before.",
    )
    orders.add_state(beginning)
    beginning.set_defaults(run=run_init)


def run_set(options: argparse.Namespace) -> int:
    """Set it. Raises ConfigurationError; then it is not in force."""
    if not _NAME.fullmatch(options.name):
        raise ConfigurationError(f"hold '{options.name}': a name is 1 to 64 characters of a-z 0-9 . _ -, no sign first")
    settings = orders.settings_of(options)
    subject = recorded_name(settings, options.person) if options.person else options.subject
    given = (subject, options.team, options.exchange, options.since, options.until)
    if any(given) == options.all:
        raise ConfigurationError(
            "audit hold set: say what it covers (--person, --subject, --team, --exchange, --from, --until), or --all alone"
        )
    if options.until and options.since > options.until:
        raise ConfigurationError("audit hold set: --until is before --from, so nothing would be covered")
    by = _actor(options)
    hold = LegalHold(options.name, *given, by.name, options.reason, SystemClock().now_unix_nano())
    set_hold(settings, hold, by)
    print(f"Held: {said(hold)}. Lift it: gateway-ext audit hold lift {hold.name} --reason …")
    return 0


def run_lift(options: argparse.Namespace) -> int:
    """Lift it. 1 when there is none of this name. Raises ConfigurationError; then nothing has changed."""
    if lift_hold(orders.settings_of(options), options.name, options.reason, _actor(options)):
        print(f"Lifted: {options.name}. What is due is erased within the hour.")
        return 0
    print(f"There is no hold '{options.name}'.")
    return 1


def run_list(options: argparse.Namespace) -> int:
    """List them. Raises ConfigurationError."""
    holds = holds_in_force(orders.settings_of(options))
    if options.json:
        print(json.dumps([asdict(each) for each in holds], indent=2))
    elif holds:
        rows = [(each.name, said(each), time_said(each.since_unix_nano), each.actor, each.reason) for each in holds]
        print(table(COLUMNS, rows))
    else:
        print("Nothing is held.")
    return 0


def run_init(options: argparse.Namespace) -> int:
    """Begin. Raises ConfigurationError."""
    is_new = begin_hold_store(orders.settings_of(options), Actor(), "gateway-ext audit hold init")
    print("Begun: nothing is held." if is_new else "Taken as it is; 'gateway-ext audit hold list' shows what is held.")
    return 0


def _actor(options: argparse.Namespace) -> Actor:
    return Actor(options.actor) if options.actor else Actor()


def _moment(text: str) -> int:
    """Of ISO 8601; without a zone it is UTC."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"'{text}' is no time; write 2026-01-31 or 2026-01-31T10:00Z") from None
    if not _YEAR_MIN <= moment.year <= _YEAR_MAX:
        raise argparse.ArgumentTypeError(f"'{text}' is not between the years {_YEAR_MIN} and {_YEAR_MAX}")
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return int(moment.timestamp()) * 1_000_000_000
