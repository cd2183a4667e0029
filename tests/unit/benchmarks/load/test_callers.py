"""What the measurement of revocations takes for a stream that was cut, broke off, or goes on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from benchmarks.load.callers import Caller, OpenStream, ask, asking, open_streams, until_over

HEAD = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"
WORD, DONE = b'data: {"choices": []}\n\n', b"data: [DONE]\n\n"
ERROR = b'data: {"error": {"message": "no", "code": "credential_revoked"}}\n\n'
END = b"0\r\n\r\n"


def chunk(data: bytes) -> bytes:
    return f"{len(data):x}\r\n".encode() + data + b"\r\n"


@asynccontextmanager
async def server(*parts: bytes, closes: bool = False) -> AsyncIterator[Caller]:
    """Answers each connection with `parts`."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        for part in parts:
            writer.write(part)
            await writer.drain()
        if not closes:
            await reader.read()
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as listening:
        yield Caller("token", listening.sockets[0].getsockname()[1])


@pytest.mark.parametrize(
    ("parts", "closes", "seen"),
    [
        ((HEAD, chunk(WORD), chunk(WORD), chunk(DONE), END), False, (True, True, "", 2)),
        ((HEAD, chunk(WORD), chunk(ERROR + DONE) + END), False, (True, True, "credential_revoked", 2)),
        ((HEAD, chunk(WORD), chunk(ERROR), END), False, (True, False, "credential_revoked", 2)),
        ((HEAD, chunk(WORD)), True, (True, False, "", 1)),
        ((HEAD, chunk(WORD)), False, (False, False, "", 1)),
    ],
    ids=["ended", "cut", "cut without its end", "broken off", "going on"],
)
async def test_how_a_stream_ends(parts: tuple[bytes, ...], closes: bool, seen: tuple[bool, bool, str, int]) -> None:
    async with server(*parts, closes=closes) as caller:
        (stream,) = await open_streams(caller, "model", 1, 1)
        await until_over([stream], 0.2)
        assert (stream.over.is_set(), stream.is_whole, stream.code, stream.events) == seen
        assert stream.status == 200
        stream.close()
        await until_over([stream], 5)


async def test_a_stream_without_an_answer_has_no_status() -> None:
    assert OpenStream(b"").status == 0


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (b"HTTP/1.1 200 OK\r\n\r\n{}", ""),
        (b'HTTP/1.1 401 No\r\n\r\n{"error": {"code": "credential_revoked"}}', "credential_revoked"),
        (b"HTTP/1.1 503 No\r\n\r\n", "status 503"),
    ],
)
async def test_what_a_request_was_refused_with(answer: bytes, code: str) -> None:
    async with server(answer, closes=True) as caller:
        seen = await ask(caller.port, caller.request("model", "Hello"))
        assert seen.code == code
        assert seen.began_seconds <= seen.ended_seconds
        async with asking(caller, "model") as answers:
            await asyncio.sleep(0.1)
        assert {each.code for each in answers} == {code}
        assert len(answers) >= 3
