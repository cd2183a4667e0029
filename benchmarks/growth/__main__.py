"""How costs grow: with prompts, streams, rules, budgets, people and audit events.

    python -m benchmarks.growth [DIMENSION …] [--quick] [--out DIRECTORY]

CPU time of processes, so that others on the machine matter little; medians over turns. The exponent is that of a power law
over the two largest decades of sizes: 0 does not grow, 1 grows in proportion. Writes growth.json and growth.svg below
DIRECTORY (benchmarks/results). All of it takes about ten minutes, --quick, which leaves the largest sizes out, two.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from pathlib import Path

import uvloop

from benchmarks.contestants.contestant import DidNotStart
from benchmarks.growth import audit_events, budgets, open_streams, prompt_size, rules, users
from benchmarks.growth.chart import chart
from benchmarks.growth.growth import Growth, table
from benchmarks.growth.processor import RequestRefused
from benchmarks.machine.processes import PROJECT

Measure = Callable[[Path, tuple[int, ...]], Awaitable[list[Growth]]]
DIMENSIONS: dict[str, tuple[Measure, tuple[int, ...]]] = {
    "prompt-size": (prompt_size.measure, prompt_size.SIZES),
    "open-streams": (open_streams.measure, open_streams.COUNTS),
    "rules": (rules.measure, rules.COUNTS),
    "budgets": (budgets.measure, budgets.COUNTS),
    "users": (users.measure, users.COUNTS),
    "audit-events": (audit_events.measure, audit_events.COUNTS),
}


async def measured(names: list[str], *, is_quick: bool) -> list[Growth]:
    found: list[Growth] = []
    with tempfile.TemporaryDirectory(prefix="gw-growth-") as directory:
        for name in names:
            measure, sizes = DIMENSIONS[name]
            print(name, file=sys.stderr, flush=True)
            try:
                found += await measure(Path(directory), sizes[:-1] if is_quick else sizes)
            except (
                RuntimeError,
                OSError,
                DidNotStart,
                RequestRefused,
            ) as error:  # the others are measured all the same
                print(f"{name} could not be measured: {error}", file=sys.stderr)
    return found


def as_json(growths: list[Growth]) -> str:
    machine = {"python": platform.python_version(), "system": platform.platform(), "cores": os.cpu_count()}
    rows = [
        asdict(each)
        | {
            "exponent": each.law.slope,
            "exponent_error": each.law.slope_error,
            "is_worse_than_linear": each.is_worse_than_linear,
        }
        for each in growths
    ]
    date = time.strftime("%Y-%m-%d", time.gmtime())
    return json.dumps({"date": date, "machine": machine, "growths": rows}, indent=2) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("dimensions", nargs="*", metavar="DIMENSION", help=f"of {', '.join(DIMENSIONS)}; default: all")
    parser.add_argument("--quick", action="store_true", help="without the largest size of each")
    parser.add_argument("--out", type=Path, default=PROJECT / "benchmarks" / "results", metavar="DIRECTORY")
    options = parser.parse_args()
    if unknown := set(options.dimensions) - DIMENSIONS.keys():
        parser.error(f"unknown: {', '.join(sorted(unknown))}")
    growths = uvloop.run(measured(options.dimensions or list(DIMENSIONS), is_quick=options.quick))
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "growth.json").write_text(as_json(growths))
    (options.out / "growth.svg").write_text(chart(growths))
    print(table(growths))


if __name__ == "__main__":
    main()
