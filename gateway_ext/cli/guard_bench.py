"""`gateway-ext guard bench`: measure how accurate the Guard is, as docs/guard-accuracy.md publishes it."""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from datetime import date
from pathlib import Path

from gateway_ext.errors import ConfigurationError

SUMMARY = "measure how accurate the Guard is"
DESCRIPTION = (
    "Measures precision and recall on made-up personal data in 26 European languages and on made-up credentials, cut in "
    "two and in disguise, and false findings on published sets of prompts and code. Some minutes; the same figures on "
    "every machine. Needs a checkout of the sources, as the test sets are not part of the installed package."
)
DATA_VARIABLE = "GATEWAY_EXT_TEST_DATA"
PER_KIND = 24
_PROJECT = Path(__file__).resolve().parents[2]
_BENCHMARK = "benchmarks.guard.accuracy"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command and its options."""
    parser.description = DESCRIPTION
    parser.add_argument("--json", action="store_true", help="print JSON instead of tables")
    parser.add_argument("--write", action="store_true", help="refresh docs/guard-accuracy.md and its pictures")
    parser.add_argument("--strict", action="store_true", help="exit with 1 if a bar is missed")
    parser.add_argument("--quick", action="store_true", help="an eighth of the values, no disguises, no cuts")
    parser.add_argument("--data", type=Path, metavar="DIR", help=f"the published sets (default: ${DATA_VARIABLE})")
    parser.add_argument("--seed", type=int, default=1, help="another one draws other values (default: 1)")
    parser.add_argument(
        "--per-kind", type=int, default=PER_KIND, metavar="N", help=f"values per language (default: {PER_KIND})"
    )
    parser.add_argument("--date", type=date.fromisoformat, help="what the page is dated (default: today)")


def run(options: argparse.Namespace) -> int:
    """Measure. 1 if a bar is missed and `--strict`. Raises ConfigurationError, also outside of a checkout."""
    if not (_PROJECT / f"{_BENCHMARK.replace('.', '/')}.py").is_file():
        raise ConfigurationError(
            "guard bench: the test sets are not part of the installed package; clone the sources of this version, "
            "`make venv` there and call `.venv/bin/gateway-ext guard bench`"
        )
    directory = options.data or (Path(os.environ[DATA_VARIABLE]) if os.environ.get(DATA_VARIABLE) else None)
    if directory is not None and not directory.is_dir():
        raise ConfigurationError(
            f"guard bench: {directory} is no directory; the sets are in its benign/ and injection/"
        )
    if options.write and options.quick:
        raise ConfigurationError("guard bench: what is published is measured in full; leave out --quick")
    if options.per_kind < 2:
        raise ConfigurationError("guard bench: --per-kind must be 2 or more")
    if str(_PROJECT) not in sys.path:  # a script's path holds its own directory only
        sys.path.append(str(_PROJECT))
    return int(importlib.import_module(_BENCHMARK).run(options, directory))
