"""`gateway-ext policy test`: does a policy decide its cases as they expect? Needs no running gateway."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from gateway_ext.cli.policy_cases import Tried, outcome, tried
from gateway_ext.cli.table import printable, table
from gateway_ext.errors import ConfigurationError
from gateway_ext.policy.cases import DIRECTORY
from gateway_ext.policy.loader import load_policy
from gateway_ext.settings import Settings


def register(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add `test` to the commands of `policy`."""
    parser = commands.add_parser("test", help="judge the cases beside a policy, and say which are not as expected")
    parser.add_argument("directory", nargs="?", type=Path, default=Settings().policies_dir, metavar="DIR")
    parser.add_argument("--cases", type=Path, metavar="DIR", help=f"where they are (default DIR/{DIRECTORY})")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.set_defaults(run=run_test)


def run_test(options: argparse.Namespace) -> int:
    """0 when all cases are as expected, 1 when one is not. Raises ConfigurationError for a policy or cases with faults."""
    snapshot = load_policy(options.directory)
    cases = options.cases or options.directory / DIRECTORY
    results = tried(cases, snapshot)
    if not results:
        raise ConfigurationError(f"there are no cases in {cases}; docs/policy-as-code.md shows how they are written")
    failed = [each for each in results if each.missed]
    if options.json:
        rows = [_as_json(each) for each in results]
        print(json.dumps({"ok": not failed, "digest": snapshot.digest, "cases": rows}, indent=2))
    else:
        _print(results, failed, cases)
    return 1 if failed else 0


def _print(results: Sequence[Tried], failed: Sequence[Tried], directory: Path) -> None:
    rows = [("FAIL" if each.missed else "ok", each.placed.case.name, outcome(each.judgement)) for each in results]
    print(table(("", "case", "judged"), rows))
    for each in failed:
        place = f"{directory / each.placed.file}:{each.placed.line}"
        for missed in each.missed:
            print(printable(f"\n{place}: {each.placed.case.name}: {missed}"))
        for cluster, reason in each.judgement.left_out:
            print(printable(f"  {cluster} was left out: {reason}"))
    print(f"\n{len(results)} cases, {len(failed)} not as expected.")


def _as_json(each: Tried) -> dict[str, Any]:
    return {
        "name": each.placed.case.name,
        "file": each.placed.file,
        "line": each.placed.line,
        "ok": not each.missed,
        "missed": list(each.missed),
        "outcome": each.judgement.outcome,
        "code": each.judgement.code or None,
        "served_by": list(each.judgement.clusters),
        "reasons": list(each.judgement.reasons),
        "left_out": [{"deployment": cluster, "reason": reason} for cluster, reason in each.judgement.left_out],
    }
