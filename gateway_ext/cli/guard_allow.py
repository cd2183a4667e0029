"""`gateway-ext guard allow`: the lines of guard.yaml that make a value no finding, for somebody or for everybody."""

from __future__ import annotations

import argparse
import getpass
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from gateway_ext.cli import guard_arguments
from gateway_ext.cli.guard_loading import loaded_guard
from gateway_ext.cli.guard_yaml import allowance_lines, write_allowance
from gateway_ext.errors import ConfigurationError
from gateway_ext.policy.guard_schema import AllowedValue
from gateway_ext.policy.loader import load_policy
from gateway_ext.settings import Settings, load_settings

if TYPE_CHECKING:
    from gateway_ext.guard.rules import GuardRules

SUMMARY = "print what guard.yaml must say for a value to be no finding"
DESCRIPTION = (
    "Prints an entry of 'allow' in guard.yaml. The value itself is written nowhere: give the fingerprint of a finding, or the "
    "value on standard input, with the words around it where the detector needs them. An allowed value is no finding of "
    "this detector; others may still find it."
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command and its options."""
    parser.description = DESCRIPTION
    parser.add_argument("fingerprint", nargs="?", type=guard_arguments.fingerprint, metavar="FINGERPRINT")
    parser.add_argument(
        "--value", choices=["-"], help="read the value from standard input: on a command line, others could see it"
    )
    parser.add_argument("--detector", type=guard_arguments.detector, required=True, help="whose finding it is")
    parser.add_argument("--reason", type=guard_arguments.note, required=True, help="for whoever reads the policy later")
    parser.add_argument(
        "--team", action="append", default=[], help="whom it holds for; several times for several teams"
    )
    parser.add_argument("--until", metavar="DAY", help="the last day it holds, such as 2027-01-31")
    parser.add_argument("--write", action="store_true", help="add it to guard.yaml, if the policy is valid with it")
    guard_arguments.add_state(parser, with_policies=True)


def run(options: argparse.Namespace) -> int:
    """Print, or write. Raises ConfigurationError; nothing is changed then."""
    if (options.fingerprint is None) == (options.value is None):
        raise ConfigurationError("guard allow: give either a fingerprint, or --value - and the value on standard input")
    settings = load_settings(options.settings, state_dir=options.state, policies_dir=options.policies)
    fingerprint = options.fingerprint or _fingerprint_of(_value(), options.detector, settings)
    lines = allowance_lines(_allowed(options, fingerprint))
    if not options.write:
        print("\n".join(["allow:", *(f"  {line}" for line in lines)]))
        print(f"Add this to {settings.policies_dir / 'guard.yaml'}, or give --write.", file=sys.stderr)
        return 0
    path = write_allowance(settings.policies_dir, lines)
    print(f"Added to {path}. Running gateways follow within seconds.")
    return 0


def _value() -> str:
    if sys.stdin.isatty():
        return getpass.getpass("Value (not shown): ")
    return sys.stdin.read()


def _fingerprint_of(text: str, detector: str, settings: Settings) -> str:
    """That of the one value that `detector` finds in `text`. No message repeats the text."""
    key = settings.layout.fingerprint_key
    if not key.exists():
        raise ConfigurationError(f"{key}: no key, so the fingerprint would be that of no gateway; give --state")
    rules = _rules(detector, settings.policies_dir)
    with loaded_guard(settings) as guard:
        matches = guard.matches(text, rules)
    found = {match.fingerprint for match in matches if match.kind.name == detector}
    if not found:
        raise ConfigurationError(
            f"guard allow: '{detector}' finds nothing in this value; give the words around it, too"
        )
    if len(found) > 1:
        raise ConfigurationError(f"guard allow: '{detector}' finds {len(found)} values in this; give one at a time")
    return found.pop()


def _rules(detector: str, policies: Path) -> GuardRules:
    """Those under which `detector` is run, whether or not policy enables it."""
    request = load_policy(policies).guard.request
    return replace(request, classifiers=frozenset({detector}))


def _allowed(options: argparse.Namespace, fingerprint: str) -> AllowedValue:
    """What is asked for in the shape of guard.yaml, whose own checks apply. Raises ConfigurationError."""
    written: dict[str, Any] = {"detector": options.detector, "fingerprint": fingerprint, "reason": options.reason}
    if options.team:
        written["teams"] = tuple(options.team)
    if options.until is not None:
        written["until"] = options.until
    try:
        return AllowedValue.model_validate(written)
    except ValidationError as error:
        faults = [f"--{fault['loc'][0]}: {fault['msg']}".replace("--teams", "--team") for fault in error.errors()]
        raise ConfigurationError("; ".join(faults)) from None
