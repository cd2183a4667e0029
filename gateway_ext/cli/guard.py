"""`gateway-ext guard`: try the Guard out, weigh what it found, and tell it what your organisation knows."""

from __future__ import annotations

import argparse
import importlib

COMMANDS = ("test", "report", "mark", "allow", "register", "canary", "bench", "compile")


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add `guard` with its own commands, one module each: SUMMARY, add_arguments and run."""
    parser = subparsers.add_parser("guard", help="try the Guard out, weigh and allow what it finds, register documents")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    for name in COMMANDS:
        module = importlib.import_module(f"gateway_ext.cli.guard_{name}")
        command = commands.add_parser(name, help=module.SUMMARY)
        module.add_arguments(command)
        command.set_defaults(run=module.run)
