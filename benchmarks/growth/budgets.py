"""How a request grows with the budgets and quotas that it must fit in at once."""

from __future__ import annotations

from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path

from benchmarks.growth import cpu, processor, rules
from benchmarks.growth.growth import Growth
from gateway_ext.pipeline import Pipeline

DIMENSION = "budgets per request"
COUNTS = (1, 2, 5, 10, 20)
BODY = rules.BODY


def budgets(count: int) -> rules.Policy:
    return {
        "budgets": {
            "budgets": [
                {"name": f"b{each}", "scope": "user", "amount": 1_000_000, "window": "month"} for each in range(count)
            ]
        }
    }


def quotas(count: int) -> rules.Policy:
    return {
        "budgets": {
            "quotas": [
                {"name": f"q{each}", "scope": "user", "unit": "requests", "limit": 1_000_000_000, "per": "minute"}
                for each in range(count)
            ]
        }
    }


async def measure(root: Path, counts: tuple[int, ...] = COUNTS, turns: int = 5) -> list[Growth]:
    found = []
    for kind, changes in {"budgets": budgets, "quotas": quotas}.items():
        async with AsyncExitStack() as stack:
            pipelines: dict[int, Pipeline] = {}
            for count in counts:
                settings = processor.new_state(root, f"{kind}-{count}", partial(rules.write, changes(count)))
                pipelines[count] = await stack.enter_async_context(processor.running(settings))

            async def request(count: int, of: dict[int, Pipeline] = pipelines) -> float:
                return await processor.request_ms(of[count], lambda: BODY)

            values = await cpu.taking_turns(counts, request, turns)
            found.append(Growth(DIMENSION, f"request, {kind}", "of them", "ms", counts, values))
    return found
