"""A model server that costs next to nothing: one fixed answer to chats, to embeddings, and as a stream.

    python -m benchmarks.load.fixed_upstream PORT

A stream has CHUNKS words, CHUNKS_PER_SECOND, then its usage if that was asked for. One timer serves all streams: each
millisecond those have their turn that began in that millisecond of the interval.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import uvloop

from benchmarks.machine.processes import child, free_ports, wait_for_port

CHUNKS = 200
CHUNKS_PER_SECOND = 50
INPUTS, DIMENSIONS = 16, 64  # of an embeddings answer
_SLOTS = 1000 // CHUNKS_PER_SECOND
_SLOT_SECONDS = 0.001
_WORDS = ("the", "reporting", "service", "starts", "after", "holidays", "and", "nobody", "objected", "so", "far")


def _answer(document: object) -> bytes:
    body = json.dumps(document, separators=(",", ":")).encode()
    return b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n" % len(body) + body


def _event(choices: list[object], **more: object) -> bytes:
    """One chunk of HTTP, with one event."""
    head = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "fixed"}
    return _chunk(
        b"data: " + json.dumps({**head, "choices": choices, **more}, separators=(",", ":")).encode() + b"\n\n"
    )


def _chunk(data: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(data), data)


def _word(position: int) -> bytes:
    role = {} if position else {"role": "assistant"}
    delta = {**role, "content": f"{' ' if position else ''}{_WORDS[position % len(_WORDS)]}"}
    return _event([{"index": 0, "delta": delta, "finish_reason": None}])


USAGE = {"prompt_tokens": 1000, "completion_tokens": 2, "total_tokens": 1002}
CHAT = _answer(
    {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1,
        "model": "fixed",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": "Yes."}, "finish_reason": "stop"}],
        "usage": USAGE,
    }
)
EMBEDDINGS = _answer(
    {
        "object": "list",
        "model": "fixed",
        "data": [
            {"object": "embedding", "index": index, "embedding": [round(0.001 * index + 0.0001 * at, 4) for at in range(DIMENSIONS)]}
            for index in range(INPUTS)
        ],
        "usage": {"prompt_tokens": 1000, "total_tokens": 1000},
    }
)  # fmt: skip
STREAM_HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
STREAM_CHUNKS = tuple(map(_word, range(CHUNKS)))
_DONE = _chunk(b"data: [DONE]\n\n") + b"0\r\n\r\n"
_STOP = _event([{"index": 0, "delta": {}, "finish_reason": "stop"}])
STREAM_END = _STOP + _DONE
STREAM_END_WITH_USAGE = _STOP + _event([], usage={**USAGE, "completion_tokens": CHUNKS}) + _DONE


@contextlib.contextmanager
def running(root: Path) -> Iterator[int]:
    """One in a process of its own, whose log is written below `root`; its port of the loopback address."""
    (port,) = free_ports(1)
    with child(sys.executable, "-m", "benchmarks.load.fixed_upstream", str(port), log=root / "upstream.log"):
        wait_for_port(port)
        yield port


class Streams:
    """All streams under way, each in the slot of the millisecond in which it began."""

    def __init__(self) -> None:
        self._slots: list[dict[asyncio.Transport, tuple[int, bytes]]] = [{} for _ in range(_SLOTS)]
        self._count = 0
        self._next_seconds = 0.0  # when the current slot is due
        self._current = 0

    def begin(self, transport: asyncio.Transport, end: bytes) -> None:
        transport.write(STREAM_HEAD + STREAM_CHUNKS[0])
        if not self._count:
            self._next_seconds = time.perf_counter() + _SLOT_SECONDS
            asyncio.get_running_loop().call_later(_SLOT_SECONDS, self._tick)
        self._slots[self._current - 1][transport] = (1, end)  # served just now, and again in one interval
        self._count += 1

    def _tick(self) -> None:
        """Serve the slots that are due: several when the machine was busy."""
        while time.perf_counter() >= self._next_seconds:
            self._serve(self._slots[self._current])
            self._current = (self._current + 1) % _SLOTS
            self._next_seconds += _SLOT_SECONDS
        if self._count:
            asyncio.get_running_loop().call_later(_SLOT_SECONDS, self._tick)

    def _serve(self, slot: dict[asyncio.Transport, tuple[int, bytes]]) -> None:
        for transport, (position, end) in list(slot.items()):
            if position < CHUNKS and not transport.is_closing():
                transport.write(STREAM_CHUNKS[position])
                slot[transport] = (position + 1, end)
                continue
            del slot[transport]
            self._count -= 1
            if not transport.is_closing():
                transport.write(end)


class FixedUpstream(asyncio.Protocol):
    def __init__(self, streams: Streams) -> None:
        self._streams = streams
        self._waiting = bytearray()
        self._needed = 0  # bytes of the request that is coming in, once they are known

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        self._waiting += data
        while self._is_whole():
            request = bytes(self._waiting[: self._needed])
            del self._waiting[: self._needed]
            self._needed = 0
            self._reply(request)

    def _is_whole(self) -> bool:
        if self._needed == 0 and (end := self._waiting.find(b"\r\n\r\n")) >= 0:
            head = bytes(self._waiting[:end]).lower()
            at = head.find(b"content-length:")
            self._needed = end + 4 + (int(head[at + 15 :].split(b"\r\n", 1)[0]) if at >= 0 else 0)
        return 0 < self._needed <= len(self._waiting)

    def _reply(self, request: bytes) -> None:
        if b"/embeddings" in request[: request.index(b"\r\n")]:
            self._transport.write(EMBEDDINGS)
        elif b'"stream":true' in request or b'"stream": true' in request:
            self._streams.begin(self._transport, STREAM_END_WITH_USAGE if b'"include_usage"' in request else STREAM_END)
        else:
            self._transport.write(CHAT)


async def main(port: int) -> None:
    streams = Streams()
    server = await asyncio.get_running_loop().create_server(lambda: FixedUpstream(streams), "127.0.0.1", port)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1])))
