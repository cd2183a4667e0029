"""The load generator: when a latency begins, what counts as an answer, and how connections end."""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from benchmarks.load import generator

OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}"
CHUNKED = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n"
REFUSED = b"HTTP/1.1 403 Forbidden\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"
STALL_SECONDS = 0.2
REQUEST = generator.request_bytes("/v1/chat/completions", b"{}", "key")

Answer = Callable[[int, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def server(answer: Answer) -> AsyncIterator[int]:
    """Calls `answer` with the number of each request, from 1 on; yields the port."""
    number = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal number
        try:
            while not writer.is_closing():
                await reader.readexactly(len(REQUEST))
                number += 1
                await answer(number, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as listening:
        yield listening.sockets[0].getsockname()[1]


def say(*answers: bytes) -> Answer:
    """These, one after another, the last one again and again; a connection is closed after an answer that says so."""

    async def answer(number: int, writer: asyncio.StreamWriter) -> None:
        said = answers[min(number, len(answers)) - 1]
        writer.write(said)
        await writer.drain()
        if not said or b"connection: close" in said:
            writer.close()

    return answer


async def test_who_waits_behind_a_stall_has_waited_from_when_it_was_due() -> None:
    async def stall(number: int, writer: asyncio.StreamWriter) -> None:
        if number == 1:
            await asyncio.sleep(STALL_SECONDS)
        writer.write(OK)

    async with server(stall) as port:
        result = await generator.run(port, REQUEST, connections=1, seconds=0.1, rate=100)
    assert (result.requests, result.failures) == (10, 0)
    assert result.latencies_ms == tuple(sorted(result.latencies_ms))
    assert result.latencies_ms[0] >= (STALL_SECONDS - 0.1) * 1000, (
        "the last one was due when the server stalled already"
    )
    assert result.latencies_ms[-1] >= STALL_SECONDS * 1000


async def test_as_fast_as_it_goes_each_connection_asks_again() -> None:
    async with server(say(OK)) as port:
        result = await generator.run(port, REQUEST, connections=3, seconds=0.1)
    assert result.requests > 3
    assert result.requests_per_second > 0
    assert result.statuses == {}


async def test_an_answer_in_chunks_and_one_in_two_pieces() -> None:
    async def in_pieces(number: int, writer: asyncio.StreamWriter) -> None:
        said = CHUNKED if number % 2 else OK
        writer.write(said[:50])
        await writer.drain()
        await asyncio.sleep(0)
        writer.write(said[50:])

    async with server(in_pieces) as port:
        result = await generator.run(port, REQUEST, connections=1, seconds=0.1, rate=100)
    assert (result.requests, result.failures) == (10, 0)


async def test_other_statuses_and_closed_connections_are_failures_by_status() -> None:
    async with server(say(REFUSED, b"", OK)) as port:
        result = await generator.run(port, REQUEST, connections=1, seconds=0.1, rate=50)
    assert result.requests == 3
    assert result.statuses == {403: 1, 0: 1}
    assert result.failures == 2


async def test_a_refusal_may_be_what_is_expected() -> None:
    async with server(say(REFUSED)) as port:
        result = await generator.run(
            port, REQUEST, connections=2, seconds=0.1, rate=50, expected=lambda status: status == 403
        )
    assert (result.requests, result.failures) == (5, 0)


async def test_who_never_answers_has_failed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(generator, "LATE_SECONDS_MAX", 0.2)

    async def silence(number: int, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(0)

    async with server(silence) as port:
        result = await generator.run(port, REQUEST, connections=1, seconds=0.05, rate=100)
    assert (result.requests, dict(result.statuses)) == (0, {0: 5})
    assert math.isnan(result.percentile_ms(50))


async def test_a_contestant_that_is_gone_raises() -> None:
    async with server(say(OK)) as port:
        pass
    with pytest.raises(ExceptionGroup):
        await generator.run(port, REQUEST, connections=1, seconds=0.1)


@pytest.mark.parametrize(
    ("percent", "value"), [(0, 1), (1, 1), (50, 50), (50.5, 51), (99, 99), (99.9, 100), (100, 100)]
)
def test_a_percentile_is_one_of_the_values(percent: float, value: float) -> None:
    assert generator.percentile(range(1, 101), percent) == value


def test_a_request_has_its_length_and_what_it_needs() -> None:
    body = json.dumps({"a": "é"}).encode()
    head, _, rest = generator.request_bytes("/x", body, "key", {"x-provider": "one"}).partition(b"\r\n\r\n")
    assert rest == body
    lines = head.decode().split("\r\n")
    assert lines[0] == "POST /x HTTP/1.1"
    assert {"authorization: Bearer key", "x-provider: one", f"content-length: {len(body)}"} < set(lines)
    assert b"authorization" not in generator.request_bytes("/x", body)
