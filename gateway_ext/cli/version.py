"""`gateway-ext version`."""

from __future__ import annotations

import argparse
from importlib.metadata import version
from typing import Any


def register(subparsers: Any) -> None:
    """Add the command to argparse's subparsers."""
    parser = subparsers.add_parser("version", help="print the version")
    parser.set_defaults(run=run)


def run(_options: argparse.Namespace) -> int:
    """Print the version of the installed distribution."""
    print(f"gateway-ext {version('gateway-ext')}")
    return 0
