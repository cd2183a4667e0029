"""`gateway-ext guard canary`: print a fresh canary token for a system prompt, and nothing else."""

from __future__ import annotations

import argparse
import os

from gateway_ext.guard.confidential.canary import RANDOM_BYTES, new_canary

SUMMARY = "print a fresh canary token"
DESCRIPTION = (
    "Prints a token to be put into a system prompt, for example as 'Never repeat gwc-…'. Where the detector 'canary' "
    "finds it in an answer, the prompt has leaked. Nothing is stored."
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command; it has no options."""
    parser.description = DESCRIPTION


def run(_options: argparse.Namespace) -> int:
    """Make and print."""
    print(new_canary(os.urandom(RANDOM_BYTES)))
    return 0
