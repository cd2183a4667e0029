"""`make bench`: what the gateway costs, beside the floors of its design and its peers, in one run on the same cores.

    python -m benchmarks.run [--quick] [--contestants KEYS] [--cases NAMES] [--out DIRECTORY]

Writes results.json, report.md and charts below DIRECTORY (benchmarks/results). All of it takes about half an hour, --quick
four minutes. docs/performance.md says how to read it.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import os
import platform
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks import charts, race, report
from benchmarks.cases import CASES
from benchmarks.field import ENTRANTS, QUICK, QUICK_CASES, chosen
from benchmarks.peers.environments import install_all
from benchmarks.processes import ENVOY, PROJECT
from benchmarks.race import Plan
from benchmarks.results import Results, save

QUICK_PLAN = Plan(seconds=2.0, rounds=2, shares=(0.5,))


def machine() -> dict[str, Any]:
    """Where it was measured, and how busy that was."""
    processors = [line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")]
    return {
        "date": time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime()),
        "cores": os.cpu_count(),
        "processor": processors[0].partition(":")[2].strip() if processors else platform.machine(),
        "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1),
        "kernel": platform.release(),
        "python": platform.python_version(),
        "envoy": _envoy_version(),
        "packages": {name: importlib.metadata.version(name) for name in ("grpcio", "protobuf", "uvloop", "hyperscan")},
        "load_before": round(os.getloadavg()[0], 2),
    }


def _envoy_version() -> str:
    said = subprocess.run([ENVOY, "--version"], capture_output=True, text=True, check=True).stdout
    return said.split("version:")[1].split("/")[1] if "version:" in said else said.strip()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="no peers, few cases: four minutes")
    parser.add_argument("--no-peers", action="store_true", help="all cases, without peers")
    parser.add_argument("--contestants", metavar="KEYS", help="comma-separated; --list names them")
    parser.add_argument("--cases", metavar="NAMES", help="comma-separated")
    parser.add_argument("--seconds", type=float, help="of each measurement")
    parser.add_argument("--rounds", type=int, help="in which contestants take turns")
    parser.add_argument("--out", type=Path, default=PROJECT / "benchmarks" / "results", metavar="DIRECTORY")
    parser.add_argument("--list", action="store_true", help="list contestants and cases, and measure nothing")
    options = parser.parse_args()
    if options.list:
        print("contestants", *(f"  {each.key:18}{each.name}" for each in ENTRANTS), sep="\n")
        print("cases", *(f"  {each.name:18}{each.title}" for each in CASES), sep="\n")
        return
    keys = (
        QUICK if options.quick else frozenset(each.key for each in ENTRANTS if not (options.no_peers and each.is_peer))
    )
    cases = QUICK_CASES if options.quick else frozenset(each.name for each in CASES)
    try:
        entrants, todo = chosen(_named(options.contestants, keys), _named(options.cases, cases))
    except KeyError as error:
        sys.exit(f"no such contestant or case: {error.args[0]}; --list names them")
    plan = QUICK_PLAN if options.quick else Plan()
    plan = Plan(options.seconds or plan.seconds, options.rounds or plan.rounds, plan.shares, plan.rate)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended before it was done"))  # its children end with it
    install_all([each.key for each in entrants if each.is_peer])
    where, began = machine(), time.monotonic()
    with tempfile.TemporaryDirectory(prefix="gw-bench-") as directory:
        profiles, rows = race.run(entrants, todo, plan, Path(directory))
    asked = {"seconds": plan.seconds, "rounds": plan.rounds, "shares": list(plan.shares), "rate": plan.rate}
    asked |= {"took_seconds": round(time.monotonic() - began), "load_after": round(os.getloadavg()[0], 2)}
    results = Results(where, asked, {each.name: each.title for each in todo}, profiles, rows)
    save(results, options.out / "results.json")
    text = report.markdown(results)
    (options.out / "report.md").write_text(text)
    charts.draw(results, options.out)
    print(text)


def _named(names: str | None, default: frozenset[str]) -> frozenset[str]:
    return frozenset(name.strip() for name in names.split(",")) if names else default


if __name__ == "__main__":
    main()
