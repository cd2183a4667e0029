"""`gateway-ext resume`: let go on what was stopped."""

from __future__ import annotations

import argparse
from typing import Any

from gateway_ext.cli import orders
from gateway_ext.cli.stop import add_target, target_of


def register(subparsers: Any) -> None:
    """Add the command to argparse's subparsers."""
    parser = subparsers.add_parser(
        "resume",
        help="undo a stop",
        description="Undoes one stop, named as 'gateway-ext standing' lists it. Other stops stay: what is stopped twice, "
        "say by its provider and by its jurisdiction, is resumed twice.",
    )
    add_target(parser)
    orders.add_arguments(parser, shown=False)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Resume it; 1 when it was not stopped. Raises ConfigurationError."""
    target = target_of(options)
    if not orders.undo(options, target):
        print(f"Not stopped: {target}. 'gateway-ext standing' lists what is.")
        return 1
    print(f"Resumed: {target}.")
    return 0
