"""Arguments that several of the `guard` commands take, and how they are checked."""

from __future__ import annotations

import argparse
import re
from datetime import UTC, datetime
from difflib import get_close_matches
from pathlib import Path

from gateway_ext.clock import SystemClock
from gateway_ext.guard.catalog import DETECTORS
from gateway_ext.guard.confidential.names import DICTIONARY_NAME, dictionary_kind
from gateway_ext.guard.marks import FINGERPRINT

_AGE = re.compile(r"(\d{1,5})([mhdw])", re.ASCII)
_UNIT_SECONDS = {"m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_DICTIONARY = re.compile(dictionary_kind(DICTIONARY_NAME), re.ASCII)


def add_state(parser: argparse.ArgumentParser, *, with_policies: bool) -> None:
    """The options that say where state and, if it is needed, policy lie."""
    parser.add_argument("--settings", type=Path, metavar="FILE", help="process settings (YAML)")
    parser.add_argument("--state", type=Path, metavar="DIR", help="state directory, instead of the settings'")
    if with_policies:
        parser.add_argument("--policies", type=Path, metavar="DIR", help="policy directory, instead of the settings'")


def fingerprint(text: str) -> str:
    """Type of an argument: a finding's fingerprint."""
    if not FINGERPRINT.fullmatch(text):
        # Not repeated: somebody may have given the value itself.
        raise argparse.ArgumentTypeError("must be the 32 hexadecimal digits of a finding, never the value itself")
    return text


def detector(text: str) -> str:
    """Type of an argument: a detector's name. Dictionaries are policy's, so of theirs the form alone is checked."""
    if text not in DETECTORS and not _DICTIONARY.fullmatch(text):
        near = get_close_matches(text, DETECTORS, n=1)
        hint = f"did you mean '{near[0]}'?" if near else "gateway-ext policy check lists all"
        raise argparse.ArgumentTypeError(f"unknown detector '{text}'; {hint}")
    return text


def since(text: str) -> int:
    """Type of an argument: a moment in Unix nanoseconds, given as an age (7d, 12h) or as a date (UTC unless it says)."""
    if match := _AGE.fullmatch(text):
        return SystemClock().now_unix_nano() - int(match[1]) * _UNIT_SECONDS[match[2]] * 1_000_000_000
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError("must be an age such as 7d or 12h, or a date such as 2027-01-31") from None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return int(moment.timestamp()) * 1_000_000_000


def note(text: str) -> str:
    """Type of an argument: one printable line."""
    if not text.isprintable() or not text.strip():
        raise argparse.ArgumentTypeError("must be one line of printable text")
    return text
