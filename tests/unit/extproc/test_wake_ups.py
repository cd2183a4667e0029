import asyncio
import socket
from typing import Any

import grpc

from gateway_ext.extproc import wake_ups


async def test_one_byte_is_left_for_the_reader_however_many_came() -> None:
    loop = asyncio.get_running_loop()
    source, sender = socket.socketpair()
    source.setblocking(False)
    found: list[tuple[str, int]] = []
    is_read = asyncio.Event()

    def read(name: str) -> None:
        found.append((name, len(source.recv(100))))
        is_read.set()

    with wake_ups.taken_at_once(loop):
        loop.add_reader(source, read, "name")
    with source, sender:
        for count in (250, 1):
            is_read.clear()
            sender.sendall(b"1" * count)
            async with asyncio.timeout(5):
                await is_read.wait()
        loop.remove_reader(source)
    assert found == [("name", 1), ("name", 1)]


async def test_what_another_loop_has_taken_wakes_nobody() -> None:
    loop = asyncio.get_running_loop()
    source, sender = socket.socketpair()
    source.setblocking(False)
    calls: list[None] = []
    taken = loop.create_future()
    with source, sender:

        class Emptied:
            """A socket that is readable, and then is not."""

            fileno = source.fileno

            @staticmethod
            def recv(count: int, flags: int = 0) -> bytes:
                source.recv(100)
                taken.set_result(None)
                return source.recv(count, flags)

        with wake_ups.taken_at_once(loop):
            loop.add_reader(Emptied, calls.append, None)
        sender.sendall(b"1")
        async with asyncio.timeout(5):
            await taken
        loop.remove_reader(source)
    assert calls == []


async def test_grpc_is_told_by_readers_that_it_registers_while_its_server_is_made() -> None:
    loop = asyncio.get_running_loop()
    registered: list[Any] = []
    add_reader = loop.add_reader

    def recorded(source: Any, *args: Any) -> None:
        registered.append(source)
        add_reader(source, *args)

    loop.add_reader = recorded  # type: ignore[method-assign, assignment]  # as the code under test does
    with wake_ups.taken_at_once(loop):
        server = grpc.aio.server()
    await server.stop(None)
    assert [type(source) for source in registered] == [socket.socket]
