"""`gateway-ext revoke`: refuse a credential by its id, on every processor within a second."""

from __future__ import annotations

import argparse
from datetime import UTC, datetime
from typing import Any

from gateway_ext.cli import orders
from gateway_ext.limits import NANO
from gateway_ext.standing.directives import Measure, Scope, Target


def register(subparsers: Any) -> None:
    """Add the command to argparse's subparsers."""
    parser = subparsers.add_parser(
        "revoke",
        help="revoke a credential by its id",
        description="Requests with the credential get 401 'credential_revoked'. Its id is the claim that identity.yaml "
        "calls credential_id (usually jti); the audit trail shows it as gateway.principal.credential_id.",
    )
    parser.add_argument("credential", metavar="CREDENTIAL_ID")
    parser.add_argument(
        "--expires",
        type=_moment,
        default=0,
        metavar="TIME",
        help="when the credential expires by itself, as 2027-01-31 or 2027-01-31T12:00Z: the revocation is then forgotten "
        "(default: it is kept until it is undone)",
    )
    parser.add_argument("--undo", action="store_true", help="let the credential be used again")
    orders.add_arguments(parser, shown=False)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Revoke it, or undo that; 1 when there is nothing to undo. Raises ConfigurationError."""
    target = Target(Measure.REVOKED, Scope.CREDENTIAL, options.credential)
    if not options.undo:
        orders.give(options, target, options.expires)
        print(f"Revoked: {target}.")
        return 0
    if not orders.undo(options, target):
        print(f"Not revoked: {target}.")
        return 1
    print(f"Restored: {target}.")
    return 0


def _moment(text: str) -> int:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(
            "must be a date such as 2027-01-31, or a time such as 2027-01-31T12:00Z"
        ) from None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    if "T" not in text and ":" not in text:
        moment = moment.replace(hour=23, minute=59, second=59)  # the whole of that day
    if moment <= datetime.now(UTC):
        raise argparse.ArgumentTypeError("is over: an expired credential needs no revocation")
    return int(moment.timestamp()) * NANO
