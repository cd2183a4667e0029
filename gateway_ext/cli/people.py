"""`gateway-ext people`: disable a person with all credentials, or enable them again."""

from __future__ import annotations

import argparse
from typing import Any

from gateway_ext.cli import orders
from gateway_ext.standing.directives import Measure, Scope, Target


def register(subparsers: Any) -> None:
    """Add the command to argparse's subparsers."""
    people = subparsers.add_parser("people", help="disable people, and enable them again")
    commands = people.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for name, summary, run in (
        ("disable", "refuse a person, whatever credential they come with", run_disable),
        ("enable", "let a disabled person in again", run_enable),
    ):
        command = commands.add_parser(name, help=summary, description="Requests of a disabled person get 403.")
        command.add_argument("subject", metavar="SUBJECT", help="as in gateway.principal.subject of the audit trail")
        command.add_argument(
            "--issuer", default="", help="only as this issuer of identity.yaml knows them (default: all)"
        )
        orders.add_arguments(command, shown=False)
        command.set_defaults(run=run)


def run_disable(options: argparse.Namespace) -> int:
    """Disable. Raises ConfigurationError; then nothing has changed."""
    target = _target(options)
    orders.give(options, target)
    print(f"Disabled: {target}.")
    return 0


def run_enable(options: argparse.Namespace) -> int:
    """Enable; 1 when the person was not disabled. Raises ConfigurationError."""
    target = _target(options)
    if not orders.undo(options, target):
        print(f"Not disabled: {target}. 'gateway-ext standing' lists who is.")
        return 1
    print(f"Enabled: {target}.")
    return 0


def _target(options: argparse.Namespace) -> Target:
    return Target(Measure.DISABLED, Scope.PERSON, options.subject, options.issuer)
