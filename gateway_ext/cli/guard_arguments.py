"""Arguments that several of the `guard` commands take, and how they are checked."""

from __future__ import annotations

import argparse
import re
from difflib import get_close_matches
from pathlib import Path

from gateway_ext.guard.catalog import DETECTORS
from gateway_ext.guard.confidential.names import DICTIONARY_NAME, dictionary_kind
from gateway_ext.guard.marks import FINGERPRINT

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


def note(text: str) -> str:
    """Type of an argument: one printable line."""
    if not text.isprintable() or not text.strip():
        raise argparse.ArgumentTypeError("must be one line of printable text")
    return text
