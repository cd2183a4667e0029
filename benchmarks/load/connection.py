"""One HTTP/1.1 connection of a load generator, as cheap as it can be on asyncio."""

from __future__ import annotations

import asyncio
from typing import Protocol, cast


class Owner(Protocol):
    """Whom a connection tells what becomes of it."""

    def free(self, connection: Connection) -> None:
        """It can take a request."""

    def lost(self, connection: Connection) -> None:
        """It will not take another one."""

    def done(self, due: float, status: int) -> None:
        """Its request was answered, or with status 0 never will be."""


class Connection(asyncio.Protocol):
    """One request at a time. A body ends after its content-length, or with the last chunk."""

    def __init__(self, owner: Owner) -> None:
        self.over: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._owner = owner
        self._due: float | None = None
        self._answer = b""
        self._length = 0  # of the whole answer, once it is known; -1: until the last chunk
        self._is_last = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's own are no subclass
        self._owner.free(self)

    def send(self, request: bytes, due: float) -> None:
        self._due = due
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        self._answer = self._answer + data if self._answer else data
        if self._length == 0 and (end := self._answer.find(b"\r\n\r\n")) >= 0:
            head = self._answer[: end + 4].lower()
            self._length, self._is_last = _answer_length(head), b"\r\nconnection: close" in head
        if self._length > 0:
            if len(self._answer) < self._length:
                return
        elif self._length == 0 or not self._answer.endswith(b"0\r\n\r\n"):
            return
        due, status = self._due, int(self._answer[9:12])
        self._due, self._answer, self._length = None, b"", 0
        assert due is not None, "an answer that nobody asked for"
        self._owner.done(due, status)
        if not self._is_last:
            self._owner.free(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self._owner.lost(self)
        if self._due is not None:
            self._owner.done(self._due, 0)
            self._due = None
        if not self.over.done():
            self.over.set_result(None)

    def close(self) -> None:
        self._transport.close()


def _answer_length(head: bytes) -> int:
    """Of head and body; -1 when it is sent in chunks. `head` is in lower case and ends with its empty line."""
    at = head.find(b"content-length:")
    if at < 0:
        return -1
    return len(head) + int(head[at + 15 : head.index(b"\r\n", at)])
