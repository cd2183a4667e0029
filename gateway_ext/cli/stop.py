"""`gateway-ext stop`: refuse what goes to, or comes from, what is named, on every processor within a second."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from gateway_ext.administration.known_names import LOOKED_UP, UnknownNameError, require_known
from gateway_ext.cli import orders
from gateway_ext.errors import ConfigurationError
from gateway_ext.standing.directives import Measure, Scope, Target

EXAMPLE = "gateway-ext stop provider example-ai --reason 'incident 4711'"


def register(subparsers: Any) -> None:
    """Add the command to argparse's subparsers."""
    parser = subparsers.add_parser(
        "stop",
        help="stop everything, or a model, provider, jurisdiction, team, application, credential or person",
        description="New requests get 503 'stopped' with the reason, on every processor within a second, until "
        f"'gateway-ext resume'. What is under way is up to 'on_stop' in routing.yaml. Example: {EXAMPLE}",
    )
    add_target(parser)
    orders.add_arguments(parser, shown=True)
    parser.add_argument("--policies", type=Path, metavar="DIR", help="policy directory, to look names up in")
    parser.add_argument("--unknown", action="store_true", help="stop it although policy knows no such name")
    parser.set_defaults(run=run)


def add_target(parser: argparse.ArgumentParser) -> None:
    """What is stopped or resumed."""
    parser.add_argument("scope", choices=[str(scope) for scope in Scope], metavar="SCOPE", help=", ".join(Scope))
    parser.add_argument("value", nargs="?", default="", metavar="NAME", help="which (nothing for 'everything')")


def target_of(options: argparse.Namespace) -> Target:
    """Raises ConfigurationError when nothing can be meant by it."""
    scope = Scope(options.scope)
    value = options.value.upper() if scope is Scope.JURISDICTION else options.value
    return Target(Measure.STOPPED, scope, value)


def run(options: argparse.Namespace) -> int:
    """Stop it. Raises ConfigurationError; then nothing has changed."""
    target = target_of(options)
    if not options.unknown:
        _require_known(target, options)
    orders.give(options, target)
    print(f"Stopped: {target}. Undo: gateway-ext resume {target} --reason …")
    return 0


def _require_known(target: Target, options: argparse.Namespace) -> None:
    """Raises ConfigurationError, naming what is known. A policy that cannot be read keeps nobody from stopping."""
    from gateway_ext.policy.loader import load_policy  # noqa: PLC0415  (slow, and not needed for callers' names)
    from gateway_ext.settings import load_settings  # noqa: PLC0415

    if target.scope not in LOOKED_UP:
        return
    directory = load_settings(options.settings, policies_dir=options.policies).policies_dir
    try:
        routing = load_policy(directory).routing
    except ConfigurationError:
        print(f"gateway-ext: {directory} has no valid policy: the name was not looked up", file=sys.stderr)
        return
    try:
        require_known(target, routing)
    except UnknownNameError as error:
        raise ConfigurationError(f"{error}. --unknown stops it all the same") from None
