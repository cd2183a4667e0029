"""How the decision about a request grows with its prompt: a whole processor, and the Guard alone on texts meant to be slow.

Each request says something new, so that nothing is answered from the Guard's cache, unless it is called a repetition.
"""

from __future__ import annotations

import itertools
import json
from pathlib import Path

from benchmarks.growth import cpu, processor
from benchmarks.growth.growth import Growth
from benchmarks.guard.latency_texts import PIECES
from gateway_ext.bootstrap.guard import guard_engine
from gateway_ext.exchange import Text
from gateway_ext.guard.catalog import CLASSES, DETECTORS
from gateway_ext.guard.engine import GuardEngine
from gateway_ext.guard.rules import Action, DetectorRule, GuardRules
from gateway_ext.pipeline import Pipeline

DIMENSION = "prompt size"
SIZES = tuple(1024 * 4**power for power in range(7))  # 1 KB … 4 MB
HOSTILE_SIZES = SIZES[:4]  # 1 KB … 64 KB: beyond, the Guard's deadline answers
MESSAGE_BYTES = 1024
SALT = "salt0000"
HOSTILE = {
    "telephone numbers": "+49 30 901820 ",
    "IBANs": "DE89 3704 0044 0532 0130 00 ",
    "digits": "0123456789",
    "base64": "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVo",
    "JSON escapes": "\\u0041",
    "opened braces": '{"a":',
}
EVERYTHING = GuardRules(
    dict.fromkeys(CLASSES, DetectorRule(Action.LOG)), {}, 60.0, 60.0, classifiers=frozenset(DETECTORS)
)
_fresh = itertools.count()


def chat(size_bytes: int, *, in_messages: bool) -> bytes:
    """A chat request with so much prose, code and logs in one message, or in messages of MESSAGE_BYTES."""
    count = size_bytes // MESSAGE_BYTES if in_messages else 1
    content = _repeated("\n".join(PIECES) + "\n", size_bytes // count)
    messages = [{"role": "assistant" if at % 2 else "user", "content": f"{at} {content}"} for at in range(count)]
    return json.dumps({"model": "assistant", "messages": messages, "max_tokens": 100}, ensure_ascii=False).encode()


def never_said(body: bytes) -> bytes:
    """The same, with words of its own in every message."""
    return body.replace(SALT.encode(), b"%08x" % next(_fresh))


async def measure(root: Path, sizes: tuple[int, ...] = SIZES, turns: int = 3) -> list[Growth]:
    settings = processor.new_state(root, "prompt-size")
    async with processor.running(settings) as pipeline:
        requests = [
            await _requests(pipeline, "request, one message", sizes, turns),
            await _requests(pipeline, "request, messages of 1 KB", sizes, turns, in_messages=True),
            await _requests(pipeline, "repetition, messages of 1 KB", sizes, turns, in_messages=True, is_new=False),
        ]
    guard = guard_engine(settings)
    hostile = [size for size in HOSTILE_SIZES if size <= sizes[-1]]
    inspections = [await _inspections(guard, name, unit, hostile, turns) for name, unit in HOSTILE.items()]
    guard.close()
    return [*requests, *inspections]


async def _requests(
    pipeline: Pipeline, what: str, sizes: tuple[int, ...], turns: int, *, in_messages: bool = False, is_new: bool = True
) -> Growth:
    bodies = {size: chat(size, in_messages=in_messages) for size in sizes}

    async def cost(size: int) -> float:
        body = bodies[size]
        return await processor.request_ms(pipeline, lambda: never_said(body) if is_new else body)

    return Growth(DIMENSION, what, "bytes", "ms", sizes, await cpu.taking_turns(sizes, cost, turns))


async def _inspections(guard: GuardEngine, name: str, unit: str, sizes: list[int], turns: int) -> Growth:
    texts = {size: _repeated(unit, size) for size in sizes}

    async def inspect(size: int) -> None:
        text = texts[size].replace(SALT, f"{next(_fresh):08x}", 1)
        await guard.inspect([Text(("x",), "/x", "user", text)], EVERYTHING)

    async def cost(size: int) -> float:
        return await cpu.milliseconds(lambda: inspect(size))

    values = await cpu.taking_turns(sizes, cost, turns)
    return Growth(DIMENSION, f"the Guard, {name}", "characters", "ms", tuple(sizes), values)


def _repeated(unit: str, characters: int) -> str:
    return f"{SALT} {unit * (characters // len(unit) + 1)}"[:characters]
