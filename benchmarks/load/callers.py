"""Callers with many streams under way, and callers who ask without pause: on asyncio alone, from one process."""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import cast

from benchmarks.load.generator import request_bytes

HOST = "127.0.0.1"
OPENING_MAX = 64  # streams that are being opened at the same time
BEGIN_SECONDS = 60.0
PROBES = 3  # callers at the same time, of each credential
PROBE_PAUSE_SECONDS = 0.03
_TAIL_BYTES = 1024
_CODE = re.compile(rb'"code": ?"(\w+)"')


@dataclass(frozen=True, slots=True)
class Caller:
    """A credential, with what its requests say."""

    token: str = field(repr=False)
    port: int  # of the gateway, without TLS

    def request(self, model: str, text: str, *, is_stream: bool = False) -> bytes:
        messages = [{"role": "user", "content": text}]
        body = json.dumps({"model": model, "messages": messages, "max_tokens": 100, "stream": is_stream}).encode()
        return request_bytes("/v1/chat/completions", body, self.token)


class OpenStream(asyncio.Protocol):
    """A streamed answer on a connection of its own. Times are monotonic, in seconds."""

    def __init__(self, request: bytes) -> None:
        self.began = asyncio.Event()
        self.over = asyncio.Event()
        self.last_seconds = 0.0  # when its last bytes came
        self.events = 0
        self._request = request
        self._head = b""
        self._tail = b""
        self._transport: asyncio.Transport | None = None

    @property
    def status(self) -> int:
        """Of the answer; 0 before there is one."""
        return int(self._head[9:12] or 0)

    @property
    def code(self) -> str:
        """The code of the error it ended with; "" without one."""
        found = _CODE.search(self._tail)
        return found[1].decode() if found else ""

    @property
    def is_whole(self) -> bool:
        """Whether it ended as its dialect and HTTP say it must, after an error or without one."""
        return self._tail.endswith(b"0\r\n\r\n") and b"data: [DONE]" in self._tail

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is none by inheritance
        self._transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        self.last_seconds = time.monotonic()
        self.events += data.count(b"data: {")
        self._head = self._head or data[:12]
        self._tail = (self._tail + data)[-_TAIL_BYTES:]
        self.began.set()
        if self._tail.endswith(b"\r\n0\r\n\r\n"):
            self.close()

    def connection_lost(self, exc: Exception | None) -> None:
        self.over.set()
        self.began.set()

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()


async def open_streams(caller: Caller, model: str, words: int, count: int) -> list[OpenStream]:
    """So many streams, all of which have begun."""
    request = caller.request(model, "word " * words, is_stream=True)
    opening, loop = asyncio.Semaphore(OPENING_MAX), asyncio.get_running_loop()

    async def one() -> OpenStream:
        async with opening:
            _, stream = await loop.create_connection(lambda: OpenStream(request), HOST, caller.port)
            await stream.began.wait()
            return stream

    async with asyncio.timeout(BEGIN_SECONDS), asyncio.TaskGroup() as group:
        tasks = [group.create_task(one()) for _ in range(count)]
    return [task.result() for task in tasks]


async def until_over(streams: Sequence[OpenStream], seconds: float) -> None:
    """Until all have ended, or the time is over."""
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            for stream in streams:
                await stream.over.wait()


@dataclass(frozen=True, slots=True)
class Answer:
    """To one request. `code` is that of its error, "" when it was accepted."""

    began_seconds: float
    ended_seconds: float
    code: str


async def ask(port: int, request: bytes) -> Answer:
    """On a connection of its own, so that all processors are asked."""
    began = time.monotonic()
    reader, writer = await asyncio.open_connection(HOST, port)
    try:
        writer.write(request.replace(b"\r\n", b"\r\nconnection: close\r\n", 1))
        answer = await reader.read()
    finally:
        writer.close()
    if answer[9:12] == b"200":
        return Answer(began, time.monotonic(), "")
    found = _CODE.search(answer)
    return Answer(began, time.monotonic(), found[1].decode() if found else f"status {answer[9:12].decode()}")


@asynccontextmanager
async def asking(caller: Caller, model: str) -> AsyncIterator[list[Answer]]:
    """The answers, as they come, to callers who ask without pause while the context lasts."""
    answers: list[Answer] = []
    request, is_over = caller.request(model, "Hello"), asyncio.Event()

    async def go_on() -> None:
        while not is_over.is_set():
            answers.append(await ask(caller.port, request))
            await asyncio.sleep(PROBE_PAUSE_SECONDS)

    async with asyncio.TaskGroup() as group:
        for _ in range(PROBES):
            group.create_task(go_on())
        try:
            yield answers
        finally:
            is_over.set()
