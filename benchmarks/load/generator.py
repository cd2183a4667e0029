"""An HTTP/1.1 load generator on asyncio: closed loop (as fast as it goes) or open loop, at a constant arrival rate.

In an open loop a request is due when its time has come, whether or not others have been answered, and its latency counts
from then on: otherwise a server that stalls would stop the clock on those who wait (coordinated omission). Bounded in count
and time; talks to loopback only. Its own CPU is part of no figure: that is read per process.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections import Counter, deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from benchmarks.load.arrivals import Arrivals
from benchmarks.load.connection import Connection

LATE_SECONDS_MAX = 10.0  # so long requests that are under way at the end may take; then they have failed
RECONNECTS_MAX = 20_000

Request = bytes | Callable[[int], bytes]  # the same again and again, or one for each number


@dataclass(frozen=True, slots=True)
class Result:
    """`latencies_ms` are those of requests answered as expected, sorted. `statuses` count all others, 0: no answer."""

    requests: int
    seconds: float
    latencies_ms: tuple[float, ...]
    failures: int
    statuses: Mapping[int, int] = field(default_factory=dict)

    @property
    def requests_per_second(self) -> float:
        return self.requests / self.seconds

    def percentile_ms(self, percent: float) -> float:
        return percentile(self.latencies_ms, percent)


def percentile(ordered: Sequence[float], percent: float) -> float:
    """The smallest of the sorted values that so many percent of them do not exceed (nearest rank); NaN without any."""
    if not ordered:
        return math.nan
    return ordered[max(0, -int(-len(ordered) * percent // 100) - 1)]


def request_bytes(path: str, body: bytes, token: str = "", headers: Mapping[str, str] | None = None) -> bytes:
    """One request as it goes over the wire."""
    fields = {"host": "127.0.0.1", "content-type": "application/json", **(headers or {})}
    if token:
        fields["authorization"] = f"Bearer {token}"
    fields["content-length"] = str(len(body))
    head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    return f"POST {path} HTTP/1.1\r\n{head}\r\n".encode() + body


async def run(
    port: int,
    request: Request,
    *,
    connections: int,
    seconds: float,
    rate: float | None = None,
    expected: Callable[[int], bool] = lambda status: status == 200,
) -> Result:
    """Send requests for `seconds`, `rate` times a second or as fast as so many connections can. `expected`: of a status."""
    load = _Load(request, expected, keeps_going=rate is None)
    async with asyncio.TaskGroup() as group:
        keeping = [group.create_task(load.keep_connected(port)) for _ in range(connections)]
        await load.ready(connections)
        start = time.perf_counter()
        if rate is None:
            load.saturate()
            await asyncio.sleep(seconds)
        else:
            await _arrive(load, start, rate, seconds)
        took_seconds = time.perf_counter() - start
        load.keeps_going = False
        await load.drain()
        for task in keeping:
            task.cancel()
    answered = sorted(load.latencies_ms)
    if rate is None:  # what was under way at the end was begun before it
        took_seconds = load.last_seconds - start if answered else took_seconds
    unanswered = load.unanswered
    statuses = load.statuses + Counter({0: unanswered} if unanswered else {})
    return Result(len(answered), took_seconds, tuple(answered), statuses.total(), dict(statuses))


async def _arrive(load: _Load, start: float, rate: float, seconds: float) -> None:
    """Have `rate × seconds` requests due, each at its own time."""
    loop, total = asyncio.get_running_loop(), max(1, round(rate * seconds))
    over = loop.create_future()
    issued = 0

    def due() -> None:
        nonlocal issued
        for _ in range(min(arrivals.take(), total - issued)):
            issued += 1
            load.arrive(start + issued / rate)
        if issued == total and not over.done():
            over.set_result(None)

    with Arrivals(rate) as arrivals:
        loop.add_reader(arrivals.fileno(), due)
        try:
            await over
        finally:
            loop.remove_reader(arrivals.fileno())


class _Load:
    """Requests that are due, and connections that are free for them. Both wait in the order in which they came."""

    def __init__(self, request: Request, expected: Callable[[int], bool], *, keeps_going: bool) -> None:
        self._request = request if callable(request) else lambda _: request
        self._expected = expected
        self._number = 0
        self._due = deque[float]()
        self._idle = deque[Connection]()
        self._under_way = 0
        self._connected = asyncio.Semaphore(0)
        self.keeps_going = keeps_going
        self.latencies_ms: list[float] = []
        self.statuses = Counter[int]()
        self.last_seconds = 0.0

    @property
    def unanswered(self) -> int:
        return len(self._due) + self._under_way

    async def ready(self, connections: int) -> None:
        async with asyncio.timeout(LATE_SECONDS_MAX):
            for _ in range(connections):
                await self._connected.acquire()

    def saturate(self) -> None:
        now = time.perf_counter()
        for _ in range(len(self._idle)):
            self.arrive(now)

    def arrive(self, due: float) -> None:
        self._due.append(due)
        self._send()

    def _send(self) -> None:
        while self._due and self._idle:
            self._number += 1
            self._under_way += 1
            self._idle.popleft().send(self._request(self._number), self._due.popleft())

    def free(self, connection: Connection) -> None:
        self._idle.append(connection)
        self._connected.release()
        if self._due:
            self._send()

    def done(self, due: float, status: int) -> None:
        """A request was answered, or with status 0 never will be."""
        self._under_way -= 1
        self.last_seconds = now = time.perf_counter()
        if self._expected(status):
            self.latencies_ms.append((now - due) * 1000)
        else:
            self.statuses[status] += 1
        if self.keeps_going:
            self._due.append(now)

    def lost(self, connection: Connection) -> None:
        if connection in self._idle:
            self._idle.remove(connection)

    async def keep_connected(self, port: int) -> None:
        """One connection, and another one whenever the server has closed it."""
        for _ in range(RECONNECTS_MAX):
            _, connection = await asyncio.get_running_loop().create_connection(
                lambda: Connection(self), "127.0.0.1", port
            )
            try:
                await connection.over
            finally:
                connection.close()

    async def drain(self) -> None:
        deadline = time.perf_counter() + LATE_SECONDS_MAX
        while self.unanswered and time.perf_counter() < deadline:  # noqa: ASYNC110  (an event would cost each answer)
            await asyncio.sleep(0.005)
