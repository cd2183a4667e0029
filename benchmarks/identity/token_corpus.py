"""What becomes of each known attack on tokens, at each interface of a whole gateway, and how long the answer takes.

    python -m benchmarks.identity.token_corpus [--write] [--rounds N]

Prints a table; `--write` puts it into docs/token-corpus.md. Each credential is sent once a round. Times are compared as
medians: what a refusal takes must not tell why it was given.
"""

from __future__ import annotations

import argparse
import json
import re
import statistics
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from tests.envoy.stack import PROJECT, Stack, running_stack
from tests.envoy.test_token_corpus import Door
from tests.envoy.token_corpus import corpus

DOCUMENT = PROJECT / "docs" / "token-corpus.md"
MARKS = ("<!-- measured -->\n", "<!-- end of measured -->\n")
INTERFACES = ("public", "internal")


@dataclass(slots=True)
class Case:
    """One credential at one interface."""

    statuses: Counter[int] = field(default_factory=Counter)
    bodies: set[bytes] = field(default_factory=set)
    seconds: list[float] = field(default_factory=list)
    reason: str = ""  # for Envoy's operator; the caller never sees it

    @property
    def median_ms(self) -> float:
        return statistics.median(self.seconds) * 1000


def measure(stack: Stack, interface: str, rounds: int) -> dict[str, Case]:
    """All of the corpus at one interface, by name."""
    door = Door(stack, interface)
    credentials = corpus(door.forge, door.stranger)
    cases = {name: Case() for name in credentials}
    written = len(_reasons(stack))
    with door.client:
        for _ in range(rounds):
            for name, headers in credentials.items():
                started = time.perf_counter()
                answer = door.post(headers)
                cases[name].seconds.append(time.perf_counter() - started)
                cases[name].statuses[answer.status_code] += 1
                cases[name].bodies.add(answer.content)
    reasons = _wait_for_reasons(stack, written, rounds * len(cases))  # all of them: the next measurement counts on it
    for name, reason in zip(cases, reasons, strict=False):
        cases[name].reason = reason
    return cases


def _reasons(stack: Stack) -> list[str]:
    lines = (stack.state / "log" / "envoy.log").read_text(errors="replace").splitlines()
    entries = [json.loads(line[line.index("{") :]) for line in lines if '"details"' in line]
    return [str(entry["details"]) for entry in entries]


def _wait_for_reasons(stack: Stack, before: int, count: int) -> list[str]:
    deadline = time.monotonic() + 30
    while len(found := _reasons(stack)) < before + count:
        assert time.monotonic() < deadline, "entries are missing in Envoy's access log"
        time.sleep(0.5)
    return found[before : before + count]


def table(measured: dict[str, dict[str, Case]]) -> str:
    """In Markdown: totals, then a row for each credential."""
    lines = [
        "| interface | credentials | requests | refused | different bodies | median of medians | slowest to fastest median |"
    ]
    lines.append("|---|---|---|---|---|---|---|")
    for interface, cases in measured.items():
        requests = sum(sum(case.statuses.values()) for case in cases.values())
        refused = sum(case.statuses[401] for case in cases.values())
        bodies = set[bytes]().union(*(case.bodies for case in cases.values()))
        medians = sorted(case.median_ms for case in cases.values())
        typical, ratio = statistics.median(medians), medians[-1] / medians[0]
        lines.append(
            f"| {interface} | {len(cases)} | {requests} | {refused} | {len(bodies)} | {typical:.2f} ms | {ratio:.1f} |"
        )
    lines += ["", "| credential | " + " | ".join(measured) + " | what Envoy noted, for its operator |"]
    lines.append("|---" * (len(measured) + 2) + "|")
    for name in next(iter(measured.values())):
        cells = [
            ", ".join(f"{count} × {status}" for status, count in cases[name].statuses.items())
            for cases in measured.values()
        ]
        reasons = dict.fromkeys(_short(cases[name].reason) for cases in measured.values())
        lines.append(f"| `{name}` | {' | '.join(cells)} | {'; '.join(reasons)} |")
    return "\n".join(lines) + "\n"


def _short(reason: str) -> str:
    match = re.fullmatch(r"jwt_authn_access_denied\{(.*)\}", reason)
    return match[1].replace("_", " ") if match else f"`{reason}`"


def write(text: str) -> None:
    """Put the table between the marks of the document."""
    document = DOCUMENT.read_text()
    head, rest = document.split(MARKS[0])
    DOCUMENT.write_text(f"{head}{MARKS[0]}\n{text}\n{MARKS[1]}{rest.split(MARKS[1])[1]}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--write", action="store_true", help=f"put the table into {DOCUMENT.relative_to(PROJECT)}")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory, running_stack(Path(directory), processors=1) as stack:
        text = table({interface: measure(stack, interface, options.rounds) for interface in INTERFACES})
    print(text)
    if options.write:
        write(text)


if __name__ == "__main__":
    main()
