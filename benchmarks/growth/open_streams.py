"""How processors grow with the streams that are under way at once: CPU time, and memory.

Streams are inspected by the Guard; or only read, to take out the usage that their caller did not ask for; or pass by the
processor, as with callers who did.

A whole gateway behind a real Envoy, and a simulated provider that says WORDS_PER_SECOND on each stream, slow enough for all
of them. CPU time is that of the processors while all streams run; how they begin is not part of it.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.contestants import parts
from benchmarks.contestants.contestant import Contestant
from benchmarks.contestants.gateway import gateway
from benchmarks.growth.growth import Growth
from benchmarks.load.callers import Caller, OpenStream, open_streams
from benchmarks.load.generator import request_bytes
from benchmarks.machine.processes import child, cpu_seconds, free_ports, wait_for_port
from benchmarks.machine.usage import held

DIMENSION = "open streams"
COUNTS = (1, 5, 20, 100, 500)
WORDS_PER_SECOND = 2.0
WORDS = 400  # of an answer
SECONDS = 5.0


class LongStreams(Caller):
    """Of answers so long that none ends while it is measured."""

    def request(self, model: str, text: str, *, is_stream: bool = False) -> bytes:
        return request_bytes("/v1/chat/completions", json.dumps(self.document(model, text)).encode(), self.token)

    def document(self, model: str, text: str) -> dict[str, object]:
        messages = [{"role": "user", "content": text}]
        return {"model": model, "messages": messages, "max_tokens": 2 * WORDS, "stream": True}


class AsksForUsage(LongStreams):
    """As clients do that show what an answer cost."""

    def document(self, model: str, text: str) -> dict[str, object]:
        return super().document(model, text) | {"stream_options": {"include_usage": True}}


@dataclass(frozen=True, slots=True)
class Kind:
    name: str
    caller: type[Caller]
    edit: Callable[[Path], None] = lambda policies: None


KINDS = (
    Kind("inspected", AsksForUsage, parts.with_responses_inspected),
    Kind("read", LongStreams),
    Kind("not read", AsksForUsage),
)


async def measure(root: Path, counts: tuple[int, ...] = COUNTS, seconds: float = SECONDS) -> list[Growth]:
    found = []
    for kind in KINDS:
        with _gateway(root / kind.name.replace(" ", "-"), kind.edit) as contestant:
            caller = kind.caller(contestant.token, contestant.port)
            figures = [await _figures(contestant, caller, count, seconds) for count in counts]
        cpu_ms, memory_mib = zip(*figures, strict=True)
        found.append(Growth(DIMENSION, f"a second of streams {kind.name}", "streams", "ms", counts, cpu_ms))
        found.append(Growth(DIMENSION, f"memory, streams {kind.name}", "streams", "MiB", counts, memory_mib))
    return found


@contextmanager
def _gateway(root: Path, edit: Callable[[Path], None]) -> Iterator[Contestant]:
    root.mkdir()
    (upstream,) = free_ports(1)
    speed = ("--tokens-per-second", str(WORDS_PER_SECOND))
    command = (sys.executable, "-m", "gateway_ext.cli.main", "simulate", "--port", str(upstream), *speed)
    with child(*command, log=root / "upstream.log"):
        wait_for_port(upstream)
        with gateway("gateway", root / "gateway", upstream, edit=edit) as contestant:
            yield contestant


async def _figures(contestant: Contestant, caller: Caller, count: int, seconds: float) -> tuple[float, float]:
    """Milliseconds of CPU time a second, and MiB, of the processors. Raises RuntimeError when a stream is not what it should be."""
    streams = await open_streams(caller, contestant.model, WORDS, count)
    processors = contestant.processes["processors"]
    began = sum(map(cpu_seconds, processors))
    await asyncio.sleep(seconds)
    spent = sum(map(cpu_seconds, processors)) - began
    memory_mib = held(processors).pss_kib / 1024
    _require_running(streams)
    for stream in streams:
        stream.close()
    await asyncio.sleep(1)  # for what their ends cost
    return spent / seconds * 1e3, memory_mib


def _require_running(streams: list[OpenStream]) -> None:
    ended = Counter(f"{each.status} {each.code}".rstrip() for each in streams if each.over.is_set() or each.code)
    if ended:
        raise RuntimeError(f"of {len(streams)} streams {ended.total()} have ended: {dict(ended)}")
