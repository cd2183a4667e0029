"""`gateway-ext budget`: what was spent, on what, by whom, and what is left."""

from __future__ import annotations

from typing import Any

from gateway_ext.cli import budget_compare, budget_export, budget_report, budget_status, budget_top_up


def register(subparsers: Any) -> None:
    """Add the command to argparse's subparsers."""
    budget = subparsers.add_parser("budget", help="show budgets and what was spent")
    commands = budget.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for each in (budget_status, budget_report, budget_compare, budget_export, budget_top_up):
        each.register(commands)
