"""Streams of the fixed upstream as the load generator sees them, and what the upstream answers else."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from benchmarks.load import fixed_upstream, generator, streams

WORDS = 5
HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
WORD = b'data: {"choices":[{"delta":{"content": "so"},"finish_reason":null}]}\n\n'
FINISH = b'data: {"choices":[{"delta":{},"finish_reason": "stop"}]}\n\n'
DONE, LAST_CHUNK = b"data: [DONE]\n\n", b"0\r\n\r\n"
BODY = {"model": "m", "messages": [], "stream": True, "stream_options": {"include_usage": True}}


@asynccontextmanager
async def upstream() -> AsyncIterator[int]:
    kept = fixed_upstream.Streams()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: fixed_upstream.FixedUpstream(kept), "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


@pytest.fixture(autouse=True)
def short_streams(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fixed_upstream, "CHUNKS", WORDS)


def request(body: object) -> bytes:
    return generator.request_bytes("/v1/chat/completions", json.dumps(body).encode())


async def test_every_word_of_every_stream_is_counted() -> None:
    async with upstream() as port:
        result = await streams.run(port, request(BODY), count=4, open_seconds=0.05, limit_seconds=10)
    assert (result.opened, result.failures, result.words) == (4, 0, 4 * WORDS)
    assert len(result.first_ms) == 4
    assert len(result.gaps_ms) == 4 * (WORDS - 1)
    assert result.gaps_ms == tuple(sorted(result.gaps_ms))


async def test_who_is_not_done_in_time_has_failed_and_its_words_count() -> None:
    async with upstream() as port:
        result = await streams.run(port, request(BODY), count=2, open_seconds=0.01, limit_seconds=0.05)
        assert (result.opened, dict(result.failed)) == (2, {streams.LATE: 2})
        assert 0 < result.words < 2 * WORDS
        whole = await streams.run(port, request(BODY), count=2, open_seconds=0.01, limit_seconds=10)
    assert whole.failures == 0, "the upstream goes on after callers have left"


async def test_an_answer_that_is_no_stream_is_a_failure_at_once() -> None:
    async with upstream() as port:
        result = await streams.run(port, request({}), count=1, open_seconds=0.01, limit_seconds=60)
    assert (result.opened, dict(result.failed)) == (1, {streams.NO_STREAM: 1})


@pytest.mark.parametrize(
    ("answer", "failed"),
    [
        (b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 2\r\n\r\n{}", {"503": 1}),
        (HEAD + WORD, {streams.TRUNCATED: 1}),
        (HEAD + WORD + DONE + LAST_CHUNK, {streams.TRUNCATED: 1}),
        (HEAD + WORD + FINISH, {streams.TRUNCATED: 1}),
        (HEAD + WORD + FINISH + LAST_CHUNK, {}),
        (HEAD + WORD + FINISH + DONE + LAST_CHUNK, {}),
    ],
    ids=["refused", "cut", "the model never ended", "no last chunk", "whole without [DONE]", "whole"],
)
async def test_a_stream_fails_when_it_is_refused_or_cut(answer: bytes, failed: dict[str, int]) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer[:20])  # the head comes in two pieces
        await writer.drain()
        await asyncio.sleep(0.01)
        writer.write(answer[20:])
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        result = await streams.run(port, request(BODY), count=1, open_seconds=0.01, limit_seconds=60)
    assert dict(result.failed) == failed
    assert result.words == answer.count(WORD)


async def test_one_attempt_to_connect_is_all_that_a_stream_has() -> None:
    async with await asyncio.start_server(lambda *_: None, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
    result = await streams.run(port, request(BODY), count=3, open_seconds=0.01, limit_seconds=60)
    assert dict(result.failed) == {streams.NOT_CONNECTED: 3}


async def test_words_of_one_piece_took_no_time_of_their_own() -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        for piece in (HEAD, b'data: {"choices":[{"delta":{"role":"assistant","content":""}}]}\n\n', WORD, WORD * 3):
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(0.02)
        writer.write(FINISH + LAST_CHUNK)
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        result = await streams.run(port, request(BODY), count=1, open_seconds=0.01, limit_seconds=10)
    assert (result.failures, result.words) == (0, 4), "the event with the role is no word"
    assert result.gaps_ms[:2] == (0.0, 0.0)
    assert result.gaps_ms[2] > 0.0
    assert result.first_ms[0] > 20.0, "it counts to the first word"


async def ask(port: int, path: str, body: object) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    encoded = generator.request_bytes(path, json.dumps(body).encode())
    writer.write(encoded[:40])  # in two pieces
    await asyncio.sleep(0.01)
    writer.write(encoded[40:])
    async with asyncio.timeout(10):
        answer = await reader.readuntil(b"\r\n\r\n")
        length = int(answer.lower().partition(b"content-length: ")[2].split(b"\r\n")[0] or 0)
        answer = await (reader.readexactly(length) if length else reader.readuntil(b"0\r\n\r\n"))
    writer.close()
    return answer


async def test_chats_embeddings_and_usage() -> None:
    async with upstream() as port:
        chat = json.loads(await ask(port, "/us/v1/chat/completions", {"messages": []}))
        embeddings = json.loads(await ask(port, "/v1/embeddings", {"input": ["x"] * fixed_upstream.INPUTS}))
        with_usage = await ask(port, "/v1/chat/completions", BODY)
        without = await ask(port, "/v1/chat/completions", {"stream": True})
    assert chat["choices"][0]["message"]["content"] == "Yes."
    assert len(embeddings["data"]) == fixed_upstream.INPUTS
    assert {len(each["embedding"]) for each in embeddings["data"]} == {fixed_upstream.DIMENSIONS}
    assert b'"usage"' in with_usage
    assert b'"usage"' not in without
    assert with_usage.count(b'"content"') == without.count(b'"content"') == WORDS
