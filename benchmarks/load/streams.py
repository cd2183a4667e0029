"""Streams as a caller sees them: when the first word comes, how long each next one takes, and whether it came to its end.

They are opened evenly in time, whether or not earlier ones have begun to answer, each on one attempt to connect, and the time to a stream's
first word counts from when it was due. A word that comes together with the one before it took no time of its own.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import cast

from benchmarks.load.generator import Request, percentile

NOT_CONNECTED, NO_STREAM, TRUNCATED, LATE = "not connected", "no stream", "truncated", "not done in time"
_WHOLE = ""
_WORD = re.compile(rb'"content": ?"[^"]')
_FINISHED = re.compile(rb'"finish_reason": ?"')
_TAIL_BYTES = 64
_HEAD_END = b"\r\n\r\n"


@dataclass(frozen=True, slots=True)
class StreamsResult:
    """Of streams that were opened. `first_ms` and `gaps_ms` are sorted; `failed` counts those without a proper end, by what happened."""

    opened: int
    failed: Mapping[str, int]
    seconds: float  # until all were done
    words: int
    first_ms: tuple[float, ...]
    gaps_ms: tuple[float, ...] = field(repr=False)

    @property
    def failures(self) -> int:
        return sum(self.failed.values())

    def first(self, percent: float) -> float:
        return percentile(self.first_ms, percent)

    def gap(self, percent: float) -> float:
        return percentile(self.gaps_ms, percent)


async def run(port: int, request: Request, *, count: int, open_seconds: float, limit_seconds: float) -> StreamsResult:
    """Open `count` streams within `open_seconds`; those that have not ended `limit_seconds` after the start have failed."""
    make: Callable[[int], bytes] = request if callable(request) else lambda _: request
    loop, start = asyncio.get_running_loop(), time.perf_counter()
    streams = [_Stream(make(number), start + number * open_seconds / count) for number in range(count)]

    async def one(stream: _Stream) -> None:
        await asyncio.sleep(max(0.0, stream.due - time.perf_counter()))
        try:
            await loop.create_connection(lambda: stream, "127.0.0.1", port)
        except OSError:
            stream.outcome = NOT_CONNECTED
            return
        try:
            await stream.over.wait()
        finally:
            stream.close()

    try:
        async with asyncio.timeout(limit_seconds), asyncio.TaskGroup() as group:
            for stream in streams:
                group.create_task(one(stream))
    except TimeoutError:  # what has come until now counts
        pass
    return StreamsResult(
        count,
        Counter(stream.outcome for stream in streams if stream.outcome != _WHOLE),
        time.perf_counter() - start,
        sum(stream.words for stream in streams),
        tuple(sorted(stream.first_ms for stream in streams if stream.words)),
        tuple(sorted(gap for stream in streams for gap in stream.gaps_ms)),
    )


class _Stream(asyncio.Protocol):
    """A streamed answer on a connection of its own. Whole is one whose model said why it ends, and whose last chunk came.

    OpenAI's `[DONE]` is not asked for: not all gateways send it.
    """

    def __init__(self, request: bytes, due: float) -> None:
        self.over = asyncio.Event()
        self.due = due
        self.outcome = LATE
        self.words = 0
        self.first_ms = 0.0
        self.gaps_ms: list[float] = []
        self._request = request
        self._head: bytes | None = b""  # as much of it as there is; None: it was read
        self._last = 0.0
        self._tail = b""
        self._has_finished = False
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        now = time.perf_counter()
        if self._head is not None:
            head, end, data = (self._head + data).partition(_HEAD_END)
            self._head = None if end else head
            if not end:
                return
            if b" 200 " not in head[:13] or b"transfer-encoding: chunked" not in head.lower():
                status = head[9:12].decode("ascii", "replace")
                self._end(status if status != "200" else NO_STREAM)
                return
        self._count(len(_WORD.findall(data)), now)
        self._tail += data
        self._has_finished = self._has_finished or _FINISHED.search(self._tail) is not None
        self._tail = self._tail[-_TAIL_BYTES:]
        if self._tail.endswith(b"0\r\n\r\n"):
            self._end(_WHOLE if self._has_finished else TRUNCATED)

    def _count(self, words: int, now: float) -> None:
        if not words:
            return
        if self.words:
            self.gaps_ms.append((now - self._last) * 1000)
        else:
            self.first_ms = (now - self.due) * 1000
        self.gaps_ms += [0.0] * (words - 1)
        self._last = now
        self.words += words

    def connection_lost(self, exc: Exception | None) -> None:
        self._end(TRUNCATED)

    def _end(self, outcome: str) -> None:
        if not self.over.is_set():
            self.outcome = outcome
            self.over.set()

    def close(self) -> None:
        """Leave. What has not come by now is late."""
        self.over.set()
        if self._transport is not None:
            self._transport.close()
