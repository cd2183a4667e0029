"""What it costs to read a streamed answer in the processor, per chunk the size of a token.

    python -m benchmarks.guard.streams [--json]

The same answers pass unread, metered, with findings noted, with them enforced, and with pseudonyms put back. `held` is
how many characters of text had not yet been let go when a chunk had passed: median and 99th percentile. CPU time of one
core, best of five runs, and its ratio to metering.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import time
from collections.abc import Callable, Sequence

from benchmarks.guard.latency_texts import PIECES
from gateway_ext.guard.catalog import CLASSES, PERSONAL, SECRET
from gateway_ext.guard.engine import GuardEngine
from gateway_ext.guard.pseudonyms import PseudonymVault
from gateway_ext.guard.rules import Action, DetectorRule, GuardRules
from gateway_ext.response.duty import Duty
from gateway_ext.response.stream import GuardedStream, MeteredOnly, ReadStream

RUNS = 5
Row = dict[str, object]


def rules(enforced: Sequence[str]) -> GuardRules:
    """Redacts the classes `enforced` and notes the others."""
    actions = {name: Action.REDACT if name in enforced else Action.LOG for name in CLASSES}
    return GuardRules({name: DetectorRule(action) for name, action in actions.items()}, {}, 60.0, 60.0)


def chunks(lines: Sequence[str]) -> list[bytes]:
    """An answer of these lines in chat completion chunks, a word each."""
    words = [f"{word} " for line in lines for word in line.split(" ")]
    head = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1767225600, "model": "m"}
    deltas = [head | {"choices": [{"index": 0, "delta": {"content": word}, "finish_reason": None}]} for word in words]
    return [f"data: {json.dumps(delta, ensure_ascii=False)}\n\n".encode() for delta in deltas]


def cases(guard: GuardEngine) -> dict[str, Callable[[], ReadStream]]:
    def guarded(enforced: Sequence[str], *, inspects: bool = True) -> Callable[[], ReadStream]:
        vault = PseudonymVault({} if inspects else {"<EMAIL_1>": "ada@example.eu"})
        duty = Duty(rules(enforced), inspects, frozenset(), vault)
        return lambda: GuardedStream(duty, guard, strips_usage=False)

    return {
        "metered": lambda: MeteredOnly(strips_usage=False),
        "findings noted": guarded(()),
        "personal data and secrets enforced": guarded((PERSONAL, SECRET)),
        "pseudonyms put back": guarded((), inspects=False),
    }


async def microseconds(make: Callable[[], ReadStream], answer: Sequence[bytes]) -> float:
    stream = make()
    started = time.process_time()
    for chunk in answer:
        await stream.feed(chunk)
    await stream.finish()
    return (time.process_time() - started) / len(answer) * 1e6


async def held(make: Callable[[], ReadStream], answer: Sequence[bytes]) -> list[int]:
    """Characters of text that were held back, after each chunk."""
    stream, waiting, characters = make(), 0, [len(json.loads(c[6:])["choices"][0]["delta"]["content"]) for c in answer]
    held_back: list[int] = []
    passed = 0
    for number, chunk in enumerate(answer):
        waiting += characters[number]
        for _ in range((await stream.feed(chunk)).count(b"data: ")):
            waiting -= characters[passed]
            passed += 1
        held_back.append(waiting)
    return held_back


async def measure() -> list[Row]:
    guard = GuardEngine(b"a key for measurements only")
    answer = chunks([line for _ in range(12) for line in PIECES])
    rows: list[Row] = []
    for name, make in cases(guard).items():
        spent = min([await microseconds(make, answer) for _ in range(RUNS)])
        waiting = sorted(await held(make, answer))
        rows.append(
            {
                "stream": name,
                "microseconds_per_chunk": spent,
                "ratio": spent / float(str(rows[0]["microseconds_per_chunk"])) if rows else 1.0,
                "held_median": statistics.median(waiting),
                "held_p99": waiting[int(len(waiting) * 0.99)],
            }
        )
    guard.close()
    return rows


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="print one JSON list")
    options = parser.parse_args()
    rows = asyncio.run(measure())
    if options.json:
        print(json.dumps(rows, indent=2))
        return
    printed: list[list[object]] = [list(rows[0]), *(list(row.values()) for row in rows)]
    for row in printed:
        print("  ".join(f"{f'{each:.1f}' if isinstance(each, float) else each!s:>36}" for each in row))


if __name__ == "__main__":
    main()
