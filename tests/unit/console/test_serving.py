"""The console on its socket: for its owner alone, begun again when it fails, ended in order."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.types import ASGIApp

from gateway_ext.console import serving
from gateway_ext.console.serving import serve, serve_for_ever


@pytest.fixture
def path() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as directory:  # short: the path of a socket has at most 107 bytes
        yield Path(directory) / "run" / "console.sock"


async def greet(_: Request) -> PlainTextResponse:
    return PlainTextResponse("hello")


APP = Starlette(routes=[Route("/", greet)])


def client_at(path: Path) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.AsyncHTTPTransport(uds=str(path)), base_url="http://console")


def modes(path: Path) -> list[int]:
    return [each.stat().st_mode & 0o777 for each in (path, path.parent)] if path.exists() else []


def leave(path: Path) -> None:
    path.parent.mkdir()
    path.touch()


@asynccontextmanager
async def served(path: Path, app: ASGIApp = APP) -> AsyncIterator[asyncio.Task[None]]:
    task = asyncio.get_running_loop().create_task(serve(app, path))
    try:
        await until_there(path)
        yield task
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def until_there(path: Path) -> None:
    async with asyncio.timeout(10), client_at(path) as client:
        while True:
            with contextlib.suppress(httpx.TransportError):
                await client.get("/")
                return
            await asyncio.sleep(0.01)


async def test_only_its_owner_may_connect_and_it_leaves_nothing(path: Path) -> None:
    async with served(path), client_at(path) as client:
        assert modes(path) == [0o600, 0o700]
        answer = await client.get("/")
        assert (answer.text, "server" in answer.headers) == ("hello", False)
    assert modes(path) == []


async def test_a_socket_that_was_left_is_in_nobodys_way(path: Path) -> None:
    leave(path)
    async with served(path), client_at(path) as client:
        assert (await client.get("/")).text == "hello"


async def test_what_is_under_way_is_answered_before_the_end(path: Path) -> None:
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def slow(_: Request) -> PlainTextResponse:
        begun.set()
        await go_on.wait()
        return PlainTextResponse("done")

    async with served(path, Starlette(routes=[Route("/", greet), Route("/slow", slow)])) as task:
        async with client_at(path) as client, asyncio.TaskGroup() as tasks:
            answer = tasks.create_task(client.get("/slow"))
            await begun.wait()
            task.cancel()
            await asyncio.sleep(0.05)
            go_on.set()
        assert (await answer).text == "done"


async def test_one_that_fails_is_begun_again(
    path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(serving, "RESTART_SECONDS_MIN", 0.01)
    tries = 0

    def make() -> ASGIApp:
        nonlocal tries
        tries += 1
        if tries < 3:
            raise RuntimeError("SECRET-4711")
        return APP

    with caplog.at_level(logging.INFO):
        task = asyncio.get_running_loop().create_task(serve_for_ever(make, path))
        await until_there(path)
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
    assert tries == 3
    assert caplog.text.count("console: it failed (RuntimeError)") == 2
    assert "SECRET-4711" not in caplog.text


@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]"])
async def test_an_address_instead_of_a_socket(host: str) -> None:
    family = socket.AF_INET6 if host.startswith("[") else socket.AF_INET
    with socket.create_server((host.strip("[]"), 0), family=family) as free:
        port = free.getsockname()[1]
    task = asyncio.get_running_loop().create_task(serve_for_ever(lambda: APP, f"{host}:{port}", "metrics"))
    try:
        async with asyncio.timeout(10), httpx.AsyncClient(base_url=f"http://{host}:{port}", trust_env=False) as client:
            while True:
                with contextlib.suppress(httpx.TransportError):
                    assert (await client.get("/")).text == "hello"
                    return
                await asyncio.sleep(0.01)
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def test_an_address_in_use_is_told_and_tried_again(caplog: pytest.LogCaptureFixture) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        task = asyncio.get_running_loop().create_task(serve_for_ever(lambda: APP, address, "metrics"))
        async with asyncio.timeout(10):
            while "metrics: it failed (OSError)" not in caplog.text:  # noqa: ASYNC110  (a log has no event)
                await asyncio.sleep(0.01)
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
