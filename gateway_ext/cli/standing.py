"""`gateway-ext standing`: what operators have revoked, disabled and stopped; begin the store of it."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from gateway_ext.administration.actor import Actor
from gateway_ext.administration.orders import begin_store, in_force
from gateway_ext.cli import orders
from gateway_ext.cli.table import table
from gateway_ext.standing.directives import Directive

COLUMNS = ("MEASURE", "SCOPE", "NAME", "ISSUER", "SINCE", "UNTIL", "ACTOR", "REASON")


@dataclass(frozen=True, slots=True)
class Row:
    """One order in force. `--json` prints these names."""

    measure: str
    scope: str
    value: str
    issuer: str
    since: str
    until: str
    actor: str
    reason: str


def register(subparsers: Any) -> None:
    """Add the command to argparse's subparsers."""
    parser = subparsers.add_parser(
        "standing",
        help="list what is revoked, disabled and stopped",
        description="Lists what is in force. 'init' begins the store that holds it, or, after a loss or a restored "
        "backup, takes the one that is there for the right one: order again first what may be missing in it.",
    )
    parser.add_argument("action", nargs="?", choices=["list", "init"], default="list", help="default: %(default)s")
    parser.add_argument("--json", action="store_true", help="print JSON")
    orders.add_state(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """List, or begin. Raises ConfigurationError."""
    if options.action == "init":
        return _init(options)
    rows = [_row(each) for each in in_force(orders.settings_of(options))]
    if options.json:
        print(json.dumps([asdict(row) for row in rows], indent=2))
    else:
        print(_table(rows))
    return 0


def _init(options: argparse.Namespace) -> int:
    settings = orders.settings_of(options)
    is_new = begin_store(settings, Actor(), "gateway-ext standing init")
    print("Begun: nothing is revoked, disabled or stopped." if is_new else "Taken as it is; this is in force now:")
    if not is_new:
        print(_table([_row(each) for each in in_force(settings)]))
    return 0


def _row(directive: Directive) -> Row:
    target = directive.target
    return Row(
        measure=target.measure,
        scope=target.scope,
        value=target.value,
        issuer=target.issuer,
        since=_time(directive.since_unix_nano),
        until=_time(directive.expires_unix_nano) if directive.expires_unix_nano else "",
        actor=directive.actor,
        reason=directive.reason,
    )


def _table(rows: Sequence[Row]) -> str:
    return table(COLUMNS, [tuple(asdict(row).values()) for row in rows]) if rows else "Nothing is in force."


def _time(unix_nano: int) -> str:
    return datetime.fromtimestamp(unix_nano / 1e9, UTC).isoformat(timespec="seconds").removesuffix("+00:00") + "Z"
