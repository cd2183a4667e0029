"""Latency of the Guard, with all its detectors and classifiers on, against the libraries that others call.

    python -m benchmarks.guard.latency [--json] [--skip-others]

`cold`: texts never seen before; `warm`: the same request again. `libraries`: detect-secrets and Presidio's analyzer,
with all their recognizers, over each text. `per message`: the way gateways call them, a Presidio AnalyzerEngine with
its default recognizers on each message, and a new run of detect-secrets on each line of it. All are given the same
texts, which are generated: prose in several languages, code and log lines. Medians of CPU time, in milliseconds, on one core.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import time
from collections.abc import Sequence

from benchmarks.guard.latency_others import Others, opened
from benchmarks.guard.latency_texts import CASES, Case, conversation, messages
from gateway_ext.clock import SystemClock
from gateway_ext.exchange import Text
from gateway_ext.guard.catalog import CLASSES, DETECTORS
from gateway_ext.guard.engine import GuardEngine
from gateway_ext.guard.rules import Action, DetectorRule, GuardRules

Row = dict[str, object]

EVERYTHING = GuardRules(
    classes=dict.fromkeys(CLASSES, DetectorRule(Action.REDACT)),
    detectors={},
    deadline_seconds=60.0,
    detector_deadline_seconds=60.0,
    classifiers=frozenset(DETECTORS),
)
TURNS = 200


async def inspected(guard: GuardEngine, texts: Sequence[Text]) -> tuple[float, int]:
    """Milliseconds, findings."""
    started = time.process_time()
    verdict = await guard.inspect(texts, EVERYTHING)
    return (time.process_time() - started) * 1e3, len(verdict.findings)


async def measured(guard: GuardEngine, case: Case, others: Others | None) -> Row:
    requests = [messages(case, f"request {number}") for number in range(case.repeats)]
    cold: list[float] = []
    warm: list[float] = []
    findings = 0
    for request in requests:
        spent, findings = await inspected(guard, request)
        cold.append(spent)
        warm.append((await inspected(guard, request))[0])
    row: Row = {
        "text": case.name,
        "messages": len(requests[0]),
        "findings": findings,
        "cold_ms": statistics.median(cold),
        "warm_ms": statistics.median(warm),
    }
    return row | (compared(others, case, statistics.median(cold)) if others else {})


def compared(others: Others, case: Case, cold_ms: float) -> Row:
    """The others on the same texts; above `characters_measured` on so many, and multiplied."""
    part = case.part()
    samples = [messages(part, f"request {number}") for number in range(part.repeats_of_others)]
    factor = case.characters / part.characters
    libraries = factor * statistics.median(others.libraries_ms(sample) for sample in samples)
    per_message = factor * statistics.median(others.per_message_ms(sample) for sample in samples)
    return {
        "libraries_ms": libraries,
        "per_message_ms": per_message,
        "libraries_ratio": libraries / cold_ms,
        "per_message_ratio": per_message / cold_ms,
        "extrapolated": factor > 1,
    }


async def conversing(guard: GuardEngine, others: Others | None) -> Row:
    """A chat of TURNS turns that sends its whole history with each: what the last ones cost, and the first ones."""
    turns = conversation(TURNS)
    spent = [(await inspected(guard, turns[: number + 1]))[0] for number in range(len(turns))]
    row: Row = {
        "text": f"turn {TURNS} of a chat",
        "messages": len(turns),
        "findings": 0,
        "cold_ms": statistics.median([(await inspected(guard, [turn]))[0] for turn in conversation(20, "other")]),
        "warm_ms": statistics.median(spent[-20:]),
    }
    if others:
        libraries, per_message = others.libraries_ms(turns), others.per_message_ms(turns)
        row |= {"libraries_ms": libraries, "per_message_ms": per_message, "extrapolated": False}
        row |= {
            "libraries_ratio": libraries / statistics.median(spent[-20:]),
            "per_message_ratio": per_message / statistics.median(spent[-20:]),
        }
    return row


async def measure(others: Others | None) -> list[Row]:
    guard = GuardEngine(SystemClock().new_id().encode())
    try:
        await inspected(guard, conversation(3, "warming up"))
        rows = [await measured(guard, case, others) for case in CASES]
        return [*rows, await conversing(guard, others)]
    finally:
        guard.close()


def printed(rows: Sequence[Row]) -> None:
    columns = ["text", "messages", "findings", "cold_ms", "warm_ms"]
    columns += ["libraries_ms", "per_message_ms", "libraries_ratio", "per_message_ratio"]
    print("  ".join(f"{column:>17}" for column in columns))
    for row in rows:
        cells = (row.get(column, "-") for column in columns)
        line = "  ".join(f"{f'{cell:.3f}' if isinstance(cell, float) else cell!s:>17}" for cell in cells)
        print(f"{line}  extrapolated" if row.get("extrapolated") else line)
    print("turn of a chat: cold_ms is one new message alone, warm_ms the last turns with all that was said before")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    parser.add_argument("--skip-others", action="store_true", help="measure the Guard alone")
    arguments = parser.parse_args()
    if arguments.skip_others:
        rows = asyncio.run(measure(None))
    else:
        with opened() as others:
            rows = asyncio.run(measure(others))
    if arguments.json:
        print(json.dumps(rows, indent=2))
    else:
        printed(rows)


if __name__ == "__main__":
    main()
