"""How far the goals are: requests per CPU-second of our gateway and of its peers, everyone saturated, one after the other.

    python -m benchmarks.peers.compare [--seconds 5] [--rounds 2] [--contestants KEYS] [--case NAME]

The quick look; `make bench` measures the same contestants with more loads. The peers' filters mask personal data and refuse
keys, and are proven to before anything is measured. CPU is the kernel's accounting of all processes of a contestant.
"""

from __future__ import annotations

import argparse
import contextlib
import statistics
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.cases import CASES, CHAT, Case
from benchmarks.contestants import Contestant, DidNotStart
from benchmarks.field import ENTRANTS, OURS, Entrant, chosen
from benchmarks.measure import Sample, ask
from benchmarks.peers.environments import install_all
from benchmarks.processes import PROJECT, child, free_ports, wait_for_port

WARM_UP_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Row:
    """Medians over the rounds, at saturation; `cpu_us` per request by role. A `reason` stands instead of figures."""

    name: str
    requests_per_second: float = 0.0
    cpu_us: Mapping[str, float] | None = None
    path_cpu_us: float = 0.0
    failures: int = 0
    reason: str = ""

    @property
    def per_core(self) -> float:
        """Requests per CPU-second of all its processes."""
        return 1e6 / sum(self.cpu_us.values()) if self.cpu_us else 0.0

    @property
    def per_core_on_path(self) -> float:
        """The same of those that callers wait for."""
        return 1e6 / self.path_cpu_us if self.path_cpu_us else 0.0


def row(contestant: Contestant, rounds: Sequence[Sample]) -> Row:
    """What the rounds of one contestant say."""
    answered = [each for each in rounds if each.requests]
    failures = sum(each.failures for each in rounds)
    if not answered:
        statuses = sorted({status for each in rounds for status in each.statuses})
        return Row(
            contestant.name, failures=failures, reason=f"no request was answered as expected, but with {statuses}"
        )
    cpu_us = {
        role: statistics.median(each.cpu_seconds[role] / each.requests * 1e6 for each in answered)
        for role in contestant.processes
    }
    return Row(
        contestant.name,
        statistics.median(each.requests / each.seconds for each in answered),
        cpu_us,
        sum(microseconds for role, microseconds in cpu_us.items() if role in contestant.on_path),
        failures,
    )


def table(rows: Sequence[Row]) -> str:
    """For a terminal; ratios are to our gateway's requests per CPU-second of all processes, if it is among them."""
    ours = next((each.per_core for each in rows if each.name == OURS), 0.0)
    heading = (
        f"{'':<36}{'req/s':>8}{'CPU µs':>9}{'per CPU-s':>11}{'on path':>9}{'ours ×':>8}{'failed':>8}  CPU µs by role"
    )
    lines = [heading]
    for each in rows:
        if each.cpu_us is None:
            lines.append(f"{each.name:<36}{each.reason}")
            continue
        ratio = f"{ours / each.per_core:.2f}" if ours and each.per_core else "–"
        roles = ", ".join(f"{role} {microseconds:.0f}" for role, microseconds in each.cpu_us.items())
        lines.append(
            f"{each.name:<36}{each.requests_per_second:>8.0f}{sum(each.cpu_us.values()):>9.0f}{each.per_core:>11.0f}"
            f"{each.per_core_on_path:>9.0f}{ratio:>8}{each.failures:>8}  {roles}"
        )
    return "\n".join(lines)


def compare(entrants: Iterable[Entrant], case: Case, *, seconds: float, rounds: int) -> list[Row]:
    """Start them all, then let them take turns."""
    found: list[Row] = []
    with contextlib.ExitStack() as stack:
        root = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="gw-peers-")))
        upstream = stack.enter_context(_upstream(root))
        competing = []
        for number, entrant in enumerate(entrants):
            print(f"starting {entrant.name}", file=sys.stderr, flush=True)
            try:
                started = stack.enter_context(entrant.start(entrant.name, root / str(number), upstream))
                competing.append(started)
                ask(started, case, seconds=WARM_UP_SECONDS)
            except DidNotStart as reason:
                found.append(Row(entrant.name, reason=f"did not start: {reason}"))
        samples: dict[str, list[Sample]] = {each.name: [] for each in competing}
        for _ in range(rounds):
            for each in competing:
                samples[each.name].append(ask(each, case, seconds=seconds))
        return [row(each, samples[each.name]) for each in competing] + found


@contextlib.contextmanager
def _upstream(root: Path) -> Iterator[int]:
    (port,) = free_ports(1)
    script = PROJECT / "benchmarks" / "fixed_upstream.py"
    with child(sys.executable, script, str(port), log=root / "upstream.log"):
        wait_for_port(port)
        yield port


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=5.0, help="of each measurement")
    parser.add_argument("--rounds", type=int, default=2, help="in which contestants take turns")
    keys = ["floor-2", "ours", *(each.key for each in ENTRANTS if each.is_peer)]
    parser.add_argument("--contestants", metavar="KEYS", default=",".join(keys), help="comma-separated: %(default)s")
    parser.add_argument("--case", default=CHAT.name, choices=[each.name for each in CASES if not each.streams])
    options = parser.parse_args()
    entrants, (case,) = chosen(frozenset(options.contestants.split(",")), frozenset({options.case}))
    if any(each.is_peer for each in entrants):
        install_all()
    print(table(compare(entrants, case, seconds=options.seconds, rounds=options.rounds)))


if __name__ == "__main__":
    main()
