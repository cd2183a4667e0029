"""The HTTP/1.1 server below the simulator, spoken to byte by byte."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from gateway_ext import limits
from gateway_ext.simulator.http import HttpServer, Request, Response

LARGE_WRITES = 1_000  # 62 MiB: far above what the kernel buffers for one connection


async def echo(request: Request, response: Response) -> None:
    if request.path == "/large":
        await response.start(200, {"content-type": "text/plain"})
        for _ in range(LARGE_WRITES):
            await response.write(b"x" * 65536)
            written.append(65536)
            await asyncio.sleep(0)
        return
    await response.send(200, request.body, {"x-path": request.path})


written: list[int] = []


@pytest.fixture
async def server() -> AsyncIterator[HttpServer]:
    written.clear()
    async with HttpServer(echo, "127.0.0.1", 0) as server:
        yield server


async def talk(server: HttpServer, sent: bytes, until: bytes) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    try:
        writer.write(sent)
        async with asyncio.timeout(5):
            return await reader.readuntil(until)
    finally:
        writer.close()
        await writer.wait_closed()


async def test_pipelined_requests_are_answered_in_order(server: HttpServer) -> None:
    first = b"POST /1 HTTP/1.1\r\nhost: x\r\ncontent-length: 1\r\n\r\na"
    second = b"POST /2 HTTP/1.1\r\nhost: x\r\ncontent-length: 6\r\n\r\nbanana"
    answered = await talk(server, first + second, until=b"banana")
    assert answered.index(b"x-path: /1") < answered.index(b"x-path: /2")


async def test_chunked_bodies_are_read_whole(server: HttpServer) -> None:
    sent = b"POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n"
    assert await talk(server, sent, until=b"hello")


async def test_a_client_waiting_for_100_continue_is_told_to_go_on(server: HttpServer) -> None:
    head = b"POST / HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\ncontent-length: 2\r\n\r\n"
    assert (await talk(server, head, until=b"\r\n\r\n")).startswith(b"HTTP/1.1 100")


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"nonsense\r\n\r\n", b"400"),
        (b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n", b"400"),
    ],
)
async def test_what_is_not_http_is_refused(server: HttpServer, sent: bytes, status: bytes) -> None:
    assert (await talk(server, sent, until=b"\r\n")).split()[1] == status


async def test_a_body_above_the_limit_is_refused(server: HttpServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "REQUEST_BODY_BYTES_MAX", 3)
    sent = b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 4\r\n\r\nabcd"
    assert (await talk(server, sent, until=b"\r\n")).split()[1] == b"413"


async def test_a_client_that_does_not_read_stops_the_writer(server: HttpServer) -> None:
    _reader, writer = await asyncio.open_connection("127.0.0.1", server.port, limit=1024)
    writer.write(b"GET /large HTTP/1.1\r\nhost: x\r\n\r\n")
    await asyncio.sleep(0.2)
    before = len(written)
    await asyncio.sleep(0.2)
    assert 0 < before < LARGE_WRITES / 2
    assert len(written) == before  # kernel buffers are full; nothing piles up in the process
    writer.transport.abort()
    await asyncio.sleep(0.05)
    assert len(written) == before


async def test_closing_the_server_ends_open_connections() -> None:
    async with HttpServer(echo, "127.0.0.1", 0) as server:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
        await reader.readuntil(b"\r\n\r\n")
    async with asyncio.timeout(2):
        assert await reader.read() == b""
    writer.close()
