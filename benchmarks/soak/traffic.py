"""Mixed traffic for a window of time: what is asked for, how often, and what must come of it."""

from __future__ import annotations

import asyncio
import dataclasses
import itertools
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from benchmarks.contest.cases import CASES, CHAT, Case, chat, streamed
from benchmarks.contestants.contestant import Contestant
from benchmarks.load import generator
from benchmarks.load.callers import OpenStream
from gateway_ext.supervised import TaskSet

CONNECTIONS = 8  # of each kind
STREAM_SECONDS_MAX = 20.0
ABORTED_SECONDS = 1.5  # after which every third stream is left by its caller
_NAMED = {case.name: case for case in CASES}


@dataclass(frozen=True, slots=True)
class Kind:
    """`share` of all requests. `status` must be answered."""

    case: Case
    share: float
    status: int = 200
    token: str | None = None  # None: the one that is good

    @property
    def name(self) -> str:
        return self.case.name


KINDS: Sequence[Kind] = (
    Kind(CHAT, 0.56),
    Kind(_NAMED["chat-again"], 0.16),
    Kind(_NAMED["findings"], 0.08),
    Kind(_NAMED["embeddings"], 0.06),
    Kind(_NAMED["blocked"], 0.05, status=403),
    Kind(Case("no-model", "of a model that there is not", lambda _: chat("none", size_bytes=1_000)), 0.03, status=404),
    Kind(Case("refused", "with a credential that is none", partial(chat, size_bytes=1_000)), 0.03, status=401, token="x"),
)  # fmt: skip
STREAMS = 0.03  # of all requests


@dataclass(frozen=True, slots=True)
class Passed:
    """Traffic of a while: how many requests were asked, sorted latencies of plain chats, and what was answered wrongly."""

    requests: int
    latencies_ms: tuple[float, ...]
    wrong: Counter[str]


async def window(contestant: Contestant, rate: float, seconds: float) -> Passed:
    """Ask for `seconds`, `rate` times a second altogether, streams aside; ends when all has been answered."""
    async with asyncio.TaskGroup() as group:
        asking = [group.create_task(_ask(contestant, kind, rate * kind.share, seconds)) for kind in KINDS]
    results = [task.result() for task in asking]
    wrong: Counter[str] = Counter()
    for kind, result in zip(KINDS, results, strict=True):
        wrong.update({f"{kind.name} answered with {status}": count for status, count in result.statuses.items()})
    requests = sum(result.requests + result.failures for result in results)
    return Passed(requests, results[0].latencies_ms, wrong)


async def _ask(contestant: Contestant, kind: Kind, rate: float, seconds: float) -> generator.Result:
    asking = contestant if kind.token is None else dataclasses.replace(contestant, token=kind.token)
    request = kind.case.request(asking)
    return await generator.run(
        contestant.port, request, connections=CONNECTIONS, seconds=seconds, rate=rate, expected=kind.status.__eq__
    )


class Streams:
    """Streams opened one after the other, as many as STREAMS says, from windows' beginning to their end and beyond.

    Every third caller leaves half-way. Those under way at the end of the context are given up.
    """

    def __init__(self, contestant: Contestant, rate: float) -> None:
        self._port = contestant.port
        self._pause_seconds = 1 / (rate * STREAMS)
        request = Case("stream", "", streamed).request(contestant)
        self._request = request if callable(request) else lambda _: request
        self._opened = 0
        self._wrong: Counter[str] = Counter()
        self._tasks = TaskSet()

    async def __aenter__(self) -> Streams:
        self._tasks.start(self._go_on(), name="streams")
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._tasks.drain(0)

    def take(self) -> Passed:
        """What has come of them since the last call."""
        passed = Passed(self._opened, (), self._wrong)
        self._opened, self._wrong = 0, Counter()
        return passed

    async def _go_on(self) -> None:
        for number in itertools.count(1):
            self._opened += 1
            self._tasks.start(self._one(self._request(number), leaves=number % 3 == 0), name="stream")
            await asyncio.sleep(self._pause_seconds)

    async def _one(self, request: bytes, *, leaves: bool) -> None:
        stream = OpenStream(request)
        try:
            await asyncio.get_running_loop().create_connection(lambda: stream, "127.0.0.1", self._port)
            async with asyncio.timeout(ABORTED_SECONDS if leaves else STREAM_SECONDS_MAX):
                await stream.over.wait()
        except TimeoutError:
            if not leaves:
                self._wrong["stream without an end"] += 1
        except OSError as error:
            self._wrong[f"stream: {type(error).__name__}"] += 1
        finally:
            stream.close()
        if stream.status != 200 or stream.code or not (leaves or stream.is_whole):
            self._wrong[f"stream answered with {stream.status} {stream.code}".rstrip()] += 1
