"""`make bench`: what the gateway costs, beside the floors of its design and its peers, in one run on the same cores.

    python -m benchmarks.contest [--quick] [--contestants KEYS] [--cases NAMES] [--out DIRECTORY]

First the size of the installation, and the time of a start to the first answer; then contestants take turns. Writes results.json,
report.md and charts below DIRECTORY (benchmarks/results), and says at the beginning how long it will take: all of it about
half an hour, --quick six minutes. docs/performance.md says how to read it.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import os
import platform
import resource
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from benchmarks.contest import charts, race, report
from benchmarks.contest.cases import CASES, Case
from benchmarks.contest.field import ENTRANTS, QUICK, QUICK_CASES, Entrant, chosen
from benchmarks.contest.progress import Progress
from benchmarks.contest.race import Plan
from benchmarks.contest.results import Results, Started, save
from benchmarks.machine.processes import ENVOY, PROJECT
from benchmarks.peers.environments import install_all
from benchmarks.start import cold_start, install_size

QUICK_PLAN = Plan(seconds=2.0, rounds=2, shares=(0.5,))
START_ROUNDS, QUICK_START_ROUNDS = 3, 1
START_ROUND_SECONDS = 16.0  # on an empty state directory, and on a kept one


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
    options = _options()
    if options.list:
        print("contestants", *(f"  {each.key:18}{each.name}" for each in ENTRANTS), sep="\n")
        print("cases", *(f"  {each.name:18}{each.title}" for each in CASES), sep="\n")
        return
    everybody = frozenset(each.key for each in ENTRANTS if not (options.no_peers and each.is_peer))
    keys, names = (QUICK, QUICK_CASES) if options.quick else (everybody, frozenset(each.name for each in CASES))
    try:
        entrants, cases = chosen(options.contestants or keys, options.cases or names)
    except KeyError as error:
        sys.exit(f"no such contestant or case: {error.args[0]}; --list names them")
    plan = QUICK_PLAN if options.quick else Plan()
    plan = Plan(options.seconds or plan.seconds, options.rounds or plan.rounds, plan.shares, plan.rate)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended before it was done"))  # its children end with it
    _allow_descriptors()
    install_all([each.key for each in entrants if each.is_peer])
    for results in measure(entrants, cases, plan, QUICK_START_ROUNDS if options.quick else START_ROUNDS):
        save(results, options.out / "results.json")
        text = report.markdown(results)
        (options.out / "report.md").write_text(text)
    charts.draw(results, options.out)
    print(text)


def measure(entrants: Sequence[Entrant], cases: Sequence[Case], plan: Plan, start_rounds: int) -> Iterator[Results]:
    """What is known after each case. Tells how long it will take, and how far it is, on standard error."""
    where, began = machine(), time.monotonic()
    if not any(each.is_ours for each in entrants):
        start_rounds = 0
    progress = Progress(start_rounds * START_ROUND_SECONDS + plan.estimated_seconds(entrants, cases))
    print(f"about {progress.left_seconds() / 60:.0f} minutes", file=sys.stderr, flush=True)
    starts = measured_starts(start_rounds, progress) if start_rounds else {}
    sizes, titles = install_size.estimated(), {each.name: each.title for each in cases}
    asked = {"seconds": plan.seconds, "rounds": plan.rounds, "shares": list(plan.shares), "rate": plan.rate}
    with tempfile.TemporaryDirectory(prefix="gw-bench-") as directory:
        for profiles, rows in race.run(entrants, cases, plan, Path(directory), progress):
            so_far = {"took_seconds": round(time.monotonic() - began), "load_after": round(os.getloadavg()[0], 2)}
            known = {name: title for name, title in titles.items() if any(row.case == name for row in rows)}
            yield Results(where, asked | so_far, known, profiles, rows, starts, sizes)
    progress.close()


def measured_starts(rounds: int, progress: Progress) -> dict[str, Started]:
    """`gateway-ext up`, simulated provider and identity provider included, alone on the machine."""
    progress.step("starts of the gateway alone", "gateway-ext up", rounds * START_ROUND_SECONDS)
    return {
        state: Started(one.answered_seconds, sum(one.cpu_seconds.values()), rounds)
        for state, one in cold_start.run(rounds).items()
    }


def _allow_descriptors() -> None:
    """As many as may be: every stream is a connection of the load generator, and of all that stand between it and the upstream."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="no peers, few cases: six minutes")
    parser.add_argument("--no-peers", action="store_true", help="all cases, without peers")
    parser.add_argument("--contestants", type=_names, metavar="KEYS", help="comma-separated; --list names them")
    parser.add_argument("--cases", type=_names, metavar="NAMES", help="comma-separated")
    parser.add_argument("--seconds", type=float, help="of each measurement")
    parser.add_argument("--rounds", type=int, help="in which contestants take turns")
    parser.add_argument("--out", type=Path, default=PROJECT / "benchmarks" / "results", metavar="DIRECTORY")
    parser.add_argument("--list", action="store_true", help="list contestants and cases, and measure nothing")
    return parser.parse_args()


def _names(listed: str) -> frozenset[str]:
    return frozenset(name.strip() for name in listed.split(","))


if __name__ == "__main__":
    main()
