"""What a dead provider adds to a request: refused connections, and one that accepts and never answers.

    python -m benchmarks.routing.failover [--requests 200] [--rounds 3] [--json FILE]

A whole gateway with a simulated provider that answers at once. Four models take turns, one request after the other, so that a
noisy neighbour hits all of them: one that is served by its first deployment, one whose first deployment is dead, one with two
dead ones in front, and one whose first deployment hangs. The last waits for policy's `first_token_seconds`, which is subtracted.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import httpx

from tests.envoy.stack import Stack, chat, free_ports, running_stack

FIRST_TOKEN_SECONDS = 1
HANGS_PER_ROUND = 10
HEALTHY, DEAD, TWO_DEAD, HANGING = "healthy", "one dead", "two dead", "hanging"
PRICE = "price: {input: 1, output: 1}"


@dataclass(frozen=True, slots=True)
class Figures:
    """Milliseconds; `added` to the healthy one's median, without the wait that policy asks for."""

    name: str
    requests: int
    p50_ms: float
    p99_ms: float
    added_ms: float
    ratio: float


def measure(requests: int, rounds: int) -> list[Figures]:
    """Figures of each model, the healthy one first."""
    with tempfile.TemporaryDirectory() as directory, running_stack(Path(directory)) as stack:
        use_policy(stack)
        stack.simulate("us", tokens_per_second=0, fault="hang")
        stack.simulate("eu", tokens_per_second=0)
        taken: dict[str, list[float]] = {name: [] for name in (HEALTHY, DEAD, TWO_DEAD, HANGING)}
        with stack.client() as client:
            for name in taken:
                ask(client, name)  # opens connections
            for _ in range(rounds):
                for _ in range(requests):
                    for name in (HEALTHY, DEAD, TWO_DEAD):
                        taken[name].append(ask(client, name))
                taken[HANGING] += [ask(client, HANGING) - FIRST_TOKEN_SECONDS * 1_000 for _ in range(HANGS_PER_ROUND)]
    base = statistics.median(taken[HEALTHY])
    return [figures(name, milliseconds, base) for name, milliseconds in taken.items()]


def figures(name: str, milliseconds: list[float], base: float) -> Figures:
    median = statistics.median(milliseconds)
    p99 = sorted(milliseconds)[min(len(milliseconds) - 1, len(milliseconds) * 99 // 100)]
    return Figures(name, len(milliseconds), median, p99, median - base, median / base)


def use_policy(stack: Stack) -> None:
    legal = "jurisdiction: FR, tier: frontier, credential: null"
    dead = [f"dead-{number}" for number in (1, 2)]
    providers = "".join(
        f'  {name}: {{url: "http://127.0.0.1:{port}/v1", {legal}}}\n'
        for name, port in zip(dead, free_ports(2), strict=True)
    )
    lists = {
        HEALTHY: ("simulator-eu",),
        DEAD: (dead[0], "simulator-eu"),
        TWO_DEAD: (*dead, "simulator-eu"),
        HANGING: ("simulator-us", "simulator-eu"),
    }
    models = "".join(
        f"  {_model(name)}: {{deployments: [{', '.join(f'{{provider: {each}, {PRICE}}}' for each in serving)}]}}\n"
        for name, serving in lists.items()
    )
    stack.use_policy(
        ("providers.yaml", "\nproviders:\n", f"\nproviders:\n{providers}"),
        ("models.yaml", "\nmodels:\n", f"\nmodels:\n{models}"),
        ("routing.yaml", "\nusage_chunk:", f"\nfirst_token_seconds: {FIRST_TOKEN_SECONDS}\nusage_chunk:"),
    )


def ask(client: httpx.Client, name: str) -> float:
    """Milliseconds that one request took."""
    began = time.perf_counter()
    answer = client.post("/chat/completions", json=chat("Hello there", _model(name), max_tokens=20))
    assert answer.status_code == 200, answer.text
    return (time.perf_counter() - began) * 1_000


def _model(name: str) -> str:
    return name.replace(" ", "-")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--requests", type=int, default=200, help="of each model but the hanging one, in a round")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", type=Path, metavar="FILE")
    options = parser.parse_args()
    found = measure(options.requests, options.rounds)
    print(f"{'first in line':<14}{'requests':>9}{'p50 ms':>9}{'p99 ms':>9}{'added ms':>10}{'ratio':>7}")
    for each in found:
        print(
            f"{each.name:<14}{each.requests:>9}{each.p50_ms:>9.1f}{each.p99_ms:>9.1f}{each.added_ms:>10.1f}{each.ratio:>7.2f}"
        )
    if options.json:
        options.json.write_text(json.dumps([asdict(each) for each in found], indent=2) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
