"""How gRPC tells the event loop that something has happened: a byte on a socket for each event.

Its reader on the loop takes one byte, and then every event there is. When several come within a round of the loop, bytes stay
behind, until the socket is full of them (Linux: some 280). From then on gRPC's thread has to wait for a round before it hands over the
next event, so that all calls, reads and writes of a busy process stand in one line and one gets on in each round.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

_BYTES_MAX = 4096  # at once; more than are ever there


@contextmanager
def taken_at_once(loop: asyncio.AbstractEventLoop) -> Iterator[None]:
    """Whoever registers a reader of a socket with `loop` meanwhile finds one byte there in each round, however many came."""
    add_reader = loop.add_reader

    def add(source: socket.socket, callback: Callable[..., object], *args: Any) -> None:
        def read() -> None:
            with suppress(BlockingIOError):  # they were for another loop, which has taken them
                count = len(source.recv(_BYTES_MAX, socket.MSG_PEEK))
                if count > 1:
                    source.recv(count - 1)
                callback(*args)

        add_reader(source, read)

    loop.add_reader = add  # type: ignore[method-assign, assignment]  # gRPC asks the running loop itself, and nobody else
    try:
        yield
    finally:
        del loop.add_reader
