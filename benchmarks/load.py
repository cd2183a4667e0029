"""An HTTP/1.1 load generator on asyncio streams: closed loop (as fast as it goes) or a constant arrival rate.

At a constant rate a latency counts from the moment the request was due, not from when a connection was free for it:
otherwise a server that stalls would stop the clock on those who wait (coordinated omission). Bounded in count and time; talks to loopback only. Its own CPU is not part of any figure: those are read per process.
"""

from __future__ import annotations

import asyncio
import itertools
import time
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Result:
    requests: int
    seconds: float
    latencies_ms: tuple[float, ...]  # sorted
    failures: int

    @property
    def requests_per_second(self) -> float:
        return self.requests / self.seconds

    def percentile_ms(self, percent: float) -> float:
        return self.latencies_ms[min(len(self.latencies_ms) - 1, int(len(self.latencies_ms) * percent / 100))]


def request_bytes(path: str, body: bytes, token: str = "") -> bytes:
    """One request as it goes over the wire."""
    authorization = f"authorization: Bearer {token}\r\n" if token else ""
    head = (
        f"POST {path} HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\n"
        f"{authorization}content-length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


async def run(port: int, request: bytes, *, connections: int, seconds: float, rate: float | None = None) -> Result:
    """Send `request` for `seconds`, `rate` times a second or as fast as it goes. Any status but 200 is a failure."""
    latencies: list[float] = []
    failures = 0
    start = time.perf_counter()
    stop_at = start + seconds
    due = itertools.count()

    async def next_start() -> float:
        if rate is None:
            return time.perf_counter()
        moment = start + next(due) / rate
        await asyncio.sleep(max(0.0, moment - time.perf_counter()))
        return moment

    async def connection() -> None:
        nonlocal failures
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        try:
            while (started := await next_start()) < stop_at:
                writer.write(request)
                status = await _read_response(reader)
                if status == 200:
                    latencies.append((time.perf_counter() - started) * 1000)
                else:
                    failures += 1
        finally:
            writer.close()

    async with asyncio.timeout(seconds + 30), asyncio.TaskGroup() as group:
        for _ in range(connections):
            group.create_task(connection())
    return Result(len(latencies), time.perf_counter() - start, tuple(sorted(latencies)), failures)


async def _read_response(reader: asyncio.StreamReader) -> int:
    head = await reader.readuntil(b"\r\n\r\n")
    lowered = head.lower()
    if (at := lowered.find(b"content-length:")) >= 0:
        length = int(lowered[at + 15 : lowered.index(b"\r\n", at)])
        await reader.readexactly(length)
    elif b"transfer-encoding: chunked" in lowered:
        while await reader.readuntil(b"\r\n") != b"0\r\n":
            pass
        await reader.readuntil(b"\r\n")
    return int(head[9:12])
