"""`gateway-ext routing`: how the deployments of a model have done."""

from __future__ import annotations

from typing import Any

from gateway_ext.cli import routing_compare


def register(subparsers: Any) -> None:
    """Add the command to argparse's subparsers."""
    routing = subparsers.add_parser("routing", help="compare the deployments of a model")
    commands = routing.add_subparsers(title="commands", metavar="COMMAND", required=True)
    routing_compare.register(commands)
