"""What the gateway costs, as ratios within one run: bare Envoy, Envoy + an empty ext_proc, everything on.

    python -m benchmarks.request_path [--seconds 5] [--rounds 3] [--rate 200] [--json FILE]

A 4 KB chat prompt, one processor, the same upstream, the same cores. Contestants take turns, so that a noisy neighbour
hits all of them; figures are medians over the rounds. Requests per second are those at saturation. Latency and CPU are
taken at the same constant arrival rate for all: what a request costs must not depend on how starved the machine is.
CPU is the kernel's accounting of each process, not wall time.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import platform
import statistics
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks import load
from benchmarks.contestants import Contestant, gateway, plain
from benchmarks.processes import PROJECT, child, cpu_seconds, free_ports, resident_mib, wait_for_port

FLOOR = "envoy + empty ext_proc"
OURS = "gateway, everything on"
ROLES = ("envoy", "processors", "control", "otlp-sink")
ON_THE_PATH = ("envoy", "processors")
_SENTENCES = (
    "Please summarise the attached meeting notes for colleagues who could not take part.",
    "We agreed that the migration of the reporting service starts after the holidays.",
    "Nobody objected to the proposal to keep two versions side by side for a quarter.",
    "The open question is who maintains the adapters once the old platform is gone.",
    "List decisions, owners and risks, and keep the tone friendly but precise.",
)


@dataclass(frozen=True, slots=True)
class Measurement:
    requests_per_second: float
    p50_ms: float
    p99_ms: float
    cpu_us: dict[str, float]  # per request, by role
    saturated_cpu_us: dict[str, float]
    resident_mib: dict[str, float]
    failures: int

    @property
    def path_cpu_us(self) -> float:
        """Of Envoy and the processors: what callers wait for."""
        return sum(self.cpu_us.get(role, 0.0) for role in ON_THE_PATH)

    @property
    def saturated_path_cpu_us(self) -> float:
        return sum(self.saturated_cpu_us.get(role, 0.0) for role in ON_THE_PATH)


def body_of(size_bytes: int) -> bytes:
    """A chat request of about `size_bytes`: a system prompt and turns of plain English."""
    messages = [{"role": "system", "content": "You are a careful assistant."}]
    position = 0
    while len(json.dumps(messages)) < size_bytes - 100:
        text = " ".join(_SENTENCES[(position + offset) % len(_SENTENCES)] for offset in range(6))
        messages.append({"role": "assistant" if position % 2 else "user", "content": f"{position}: {text}"})
        position += 1
    return json.dumps({"model": "assistant", "messages": messages, "max_tokens": 200}).encode()


def measure(contestant: Contestant, body: bytes, *, connections: int, seconds: float, rate: float) -> Measurement:
    """One round against one contestant: saturation, which is also the warm-up, then the constant rate."""
    request = load.request_bytes("/v1/chat/completions", body, contestant.token)
    idle = _cpu(contestant)
    saturated = asyncio.run(load.run(contestant.port, request, connections=connections, seconds=seconds))
    before = _cpu(contestant)
    result = asyncio.run(load.run(contestant.port, request, connections=connections, seconds=seconds, rate=rate))
    after = _cpu(contestant)
    if not result.requests or not saturated.requests:
        raise RuntimeError(f"{contestant.name}: not one request was answered with 200")
    return Measurement(
        requests_per_second=saturated.requests_per_second,
        p50_ms=result.percentile_ms(50),
        p99_ms=result.percentile_ms(99),
        cpu_us={role: (after[role] - before[role]) / result.requests * 1e6 for role in after},
        saturated_cpu_us={role: (before[role] - idle[role]) / saturated.requests * 1e6 for role in before},
        resident_mib={role: sum(map(resident_mib, pids)) for role, pids in contestant.processes.items()},
        failures=saturated.failures + result.failures,
    )


def _cpu(contestant: Contestant) -> dict[str, float]:
    return {role: sum(map(cpu_seconds, pids)) for role, pids in contestant.processes.items()}


def median(rounds: list[Measurement]) -> Measurement:
    """The median of each figure over the rounds."""

    def middle(values: list[float]) -> float:
        return statistics.median(values)

    roles = rounds[0].cpu_us
    return Measurement(
        requests_per_second=middle([each.requests_per_second for each in rounds]),
        p50_ms=middle([each.p50_ms for each in rounds]),
        p99_ms=middle([each.p99_ms for each in rounds]),
        cpu_us={role: middle([each.cpu_us[role] for each in rounds]) for role in roles},
        saturated_cpu_us={role: middle([each.saturated_cpu_us[role] for each in rounds]) for role in roles},
        resident_mib={role: max(each.resident_mib[role] for each in rounds) for role in roles},
        failures=sum(each.failures for each in rounds),
    )


@contextlib.contextmanager
def contestants(root: Path) -> Iterator[list[Contestant]]:
    (upstream,) = free_ports(1)
    script = PROJECT / "benchmarks" / "fixed_upstream.py"
    with contextlib.ExitStack() as stack:
        stack.enter_context(child(sys.executable, script, str(upstream), log=root / "upstream.log"))
        wait_for_port(upstream)
        yield [
            stack.enter_context(plain("bare envoy", root / "bare", upstream, with_processor=False)),
            stack.enter_context(plain(FLOOR, root / "empty", upstream, with_processor=True)),
            stack.enter_context(gateway(OURS, root / "gateway", upstream)),
        ]


def run(*, seconds: float, rounds: int, connections: int, rate: float, body: bytes) -> dict[str, Measurement]:
    """Measure all contestants, taking turns."""
    found: dict[str, list[Measurement]] = {}
    with tempfile.TemporaryDirectory(prefix="gw-bench-") as directory, contestants(Path(directory)) as competing:
        for turn in range(rounds):
            for contestant in competing:
                print(f"\rround {turn + 1}/{rounds}: {contestant.name:<30}", end="", file=sys.stderr, flush=True)
                measured = measure(contestant, body, connections=connections, seconds=seconds, rate=rate)
                found.setdefault(contestant.name, []).append(measured)
    print("\r" + " " * 60 + "\r", end="", file=sys.stderr)
    return {name: median(each) for name, each in found.items()}


def report(results: dict[str, Measurement]) -> str:
    """A table a person reads, with ratios to the floor."""
    floor = results[FLOOR]
    header = (
        f"{'':<24}{'p50 ms':>8}{'p99 ms':>8}" + "".join(f"{role:>12}" for role in ROLES) + f"{'path':>8}{'× floor':>9}"
    )
    lines = [
        f"{'':<24}{'at the same constant rate':>28}{'at saturation':>74}",
        f"{'':<40}{'CPU µs per request':>30}{'CPU µs':>46}",
        header + f"{'req/s':>10}{'path':>8}{'× floor':>9}{'failed':>8}",
    ]
    for name, each in results.items():
        cpu = "".join(f"{each.cpu_us[role]:>12.0f}" if role in each.cpu_us else f"{'–':>12}" for role in ROLES)
        lines.append(
            f"{name:<24}{each.p50_ms:>8.2f}{each.p99_ms:>8.2f}{cpu}"
            f"{each.path_cpu_us:>8.0f}{each.path_cpu_us / floor.path_cpu_us:>9.2f}"
            f"{each.requests_per_second:>10.0f}{each.saturated_path_cpu_us:>8.0f}"
            f"{each.saturated_path_cpu_us / floor.saturated_path_cpu_us:>9.2f}{each.failures:>8}"
        )
    return "\n".join(lines)


def as_json(results: dict[str, Measurement], options: argparse.Namespace) -> dict[str, Any]:
    floor = results[FLOOR]
    return {
        "machine": {"python": platform.python_version(), "system": platform.platform(), "cores": os.cpu_count()},
        "options": {key: value for key, value in vars(options).items() if key != "json"},
        "results": {
            name: {
                "requests_per_second": each.requests_per_second,
                "p50_ms": each.p50_ms,
                "p99_ms": each.p99_ms,
                "cpu_us_per_request": each.cpu_us,
                "path_cpu_ratio_to_floor": each.path_cpu_us / floor.path_cpu_us,
                "saturated_cpu_us_per_request": each.saturated_cpu_us,
                "saturated_path_cpu_ratio_to_floor": each.saturated_path_cpu_us / floor.saturated_path_cpu_us,
                "resident_mib": each.resident_mib,
                "failures": each.failures,
            }
            for name, each in results.items()
        },
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=5.0, help="of each measurement")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--connections", type=int, default=16)
    parser.add_argument("--rate", type=float, default=200, help="requests per second, for latency and CPU")
    parser.add_argument("--body-bytes", type=int, default=4096)
    parser.add_argument("--json", type=Path, metavar="FILE")
    options = parser.parse_args()
    results = run(
        seconds=options.seconds,
        rounds=options.rounds,
        connections=options.connections,
        rate=options.rate,
        body=body_of(options.body_bytes),
    )
    print(report(results))
    if options.json:
        options.json.parent.mkdir(parents=True, exist_ok=True)
        options.json.write_text(json.dumps(as_json(results, options), indent=2) + "\n")


if __name__ == "__main__":
    main()
