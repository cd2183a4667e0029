"""Serves the console on a Unix socket that Envoy alone reaches, mode 0600; and the metrics on an address."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import uvicorn
from starlette.types import ASGIApp

RESTART_SECONDS_MIN = 1.0
RESTART_SECONDS_MAX = 30.0
_CONNECTIONS_MAX = 256
_BACKLOG = 128
_GRACE_SECONDS = 5
_KEEP_ALIVE_SECONDS = 60
_HEADER_BYTES_MAX = 64 * 1024  # Envoy's bound is 60 KiB
_log = logging.getLogger(__name__)


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.ends = asyncio.Event()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Signals are for the process that this is a task of; it cancels us."""
        yield

    async def main_loop(self) -> None:
        """Until `ends` is set. uvicorn's own looks ten times a second whether it is to end, and what time it is."""
        await self.on_tick(0)
        await self.ends.wait()


async def serve_for_ever(make: Callable[[], ASGIApp], where: Path | str, name: str = "console") -> None:
    """Serve what `make` makes until cancelled. One that fails is begun again, ever more slowly, and never raises.

    `where` is the path of a Unix socket, or host:port. `make` is called in a thread: it imports a web framework.
    """
    pause_seconds = RESTART_SECONDS_MIN
    while True:
        try:
            await serve(await asyncio.to_thread(make), where)
            _log.error("%s: it ended by itself", name)
        except Exception as error:  # noqa: BLE001  (the audit trail must go on being shipped whatever happens here)
            # The type only: an exception's text might carry what it failed on.
            _log.error("%s: it failed (%s)", name, type(error).__name__)
        await asyncio.sleep(pause_seconds)
        pause_seconds = min(2 * pause_seconds, RESTART_SECONDS_MAX)


async def serve(app: ASGIApp, where: Path | str) -> None:
    """Serve until cancelled; requests under way are then given _GRACE_SECONDS. Raises OSError."""
    config = uvicorn.Config(
        app,
        lifespan="on",
        ws="none",
        http="h11",
        log_config=None,
        log_level=logging.WARNING,
        access_log=False,
        server_header=False,
        date_header=False,  # Envoy's
        proxy_headers=False,
        limit_concurrency=_CONNECTIONS_MAX,
        timeout_keep_alive=_KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=_GRACE_SECONDS,
        h11_max_incomplete_event_size=_HEADER_BYTES_MAX,
    )
    server = _Server(config)
    with _listening(where) if isinstance(where, Path) else _bound(where) as listener:
        serving = asyncio.get_running_loop().create_task(server.serve([listener]), name="console server")
        try:
            await asyncio.shield(serving)
        except asyncio.CancelledError:
            server.should_exit = True
            server.ends.set()
            await serving
            raise


@contextlib.contextmanager
def _listening(path: Path) -> Iterator[socket.socket]:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.unlink(missing_ok=True)  # of a process that was killed
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        listener.bind(str(path))
        path.chmod(0o600)  # before anybody can connect
        listener.listen(_BACKLOG)
        listener.setblocking(False)
        try:
            yield listener
        finally:
            path.unlink(missing_ok=True)


@contextlib.contextmanager
def _bound(address: str) -> Iterator[socket.socket]:
    host, _, port = address.rpartition(":")
    with socket.create_server((host.strip("[]"), int(port)), family=_family(host), backlog=_BACKLOG) as listener:
        listener.setblocking(False)
        yield listener


def _family(host: str) -> socket.AddressFamily:
    return socket.AF_INET6 if host.startswith("[") else socket.AF_INET
