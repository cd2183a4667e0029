"""Streams as a caller sees them: when the first word comes, and how long each next one takes.

They are opened evenly in time, whether or not earlier ones have begun to answer, and the time to a stream's first word counts from when
it was due. A word that comes together with the one before it took no time of its own.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

from benchmarks.load import Request, percentile

_WORD = re.compile(rb'"content": ?"[^"]')
_TAIL_BYTES = 64


@dataclass(frozen=True, slots=True)
class StreamsResult:
    """Of streams that were opened. `first_ms` and `gaps_ms` are sorted; failures did not end as they must, or in time."""

    opened: int
    failures: int
    seconds: float
    words: int
    first_ms: tuple[float, ...]
    gaps_ms: tuple[float, ...]

    def first(self, percent: float) -> float:
        return percentile(self.first_ms, percent)

    def gap(self, percent: float) -> float:
        return percentile(self.gaps_ms, percent)


async def run(port: int, request: Request, *, count: int, open_seconds: float, limit_seconds: float) -> StreamsResult:
    """Open `count` streams within `open_seconds`; those that have not ended `limit_seconds` after the start have failed."""
    make: Callable[[int], bytes] = request if callable(request) else lambda _: request
    loop, start = asyncio.get_running_loop(), time.perf_counter()
    streams: list[_Stream] = []

    async def one(number: int) -> None:
        due = start + number * open_seconds / count
        await asyncio.sleep(max(0.0, due - time.perf_counter()))
        stream = _Stream(make(number), due)
        streams.append(stream)
        await loop.create_connection(lambda: stream, "127.0.0.1", port)
        try:
            await stream.over.wait()
        finally:
            stream.close()

    try:
        async with asyncio.timeout(limit_seconds), asyncio.TaskGroup() as group:
            for number in range(count):
                group.create_task(one(number))
    except TimeoutError:  # what has come until now counts
        pass
    firsts = sorted(stream.first_ms for stream in streams if stream.words)
    gaps = sorted(gap for stream in streams for gap in stream.gaps_ms)
    whole = sum(stream.is_whole for stream in streams)
    words = sum(stream.words for stream in streams)
    return StreamsResult(count, count - whole, time.perf_counter() - start, words, tuple(firsts), tuple(gaps))


class _Stream(asyncio.Protocol):
    """A streamed answer on a connection of its own."""

    def __init__(self, request: bytes, due: float) -> None:
        self.over = asyncio.Event()
        self.words = 0
        self.first_ms = 0.0
        self.gaps_ms: list[float] = []
        self.is_whole = False
        self._request = request
        self._due = due
        self._last = 0.0
        self._tail = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        now = time.perf_counter()
        words = len(_WORD.findall(data))
        if words and self.words:
            self.gaps_ms += [(now - self._last) * 1000, *[0.0] * (words - 1)]
        elif words:
            self.first_ms = (now - self._due) * 1000
            self.gaps_ms += [0.0] * (words - 1)
        if words:
            self._last = now
            self.words += words
        self._tail = (self._tail + data)[-_TAIL_BYTES:]
        if self._tail.endswith(b"0\r\n\r\n"):
            self.is_whole = b"data: [DONE]" in self._tail
            self.over.set()

    def connection_lost(self, exc: Exception | None) -> None:
        self.over.set()

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()
