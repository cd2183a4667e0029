"""A real Redis of the tests' own, on a free port of the loopback address."""

from __future__ import annotations

import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from redis import Redis as Client

START_SECONDS = 20.0


@dataclass
class Redis:
    """One server. `kill` is a crash; `start` after it begins with what its file has, or with nothing."""

    directory: Path
    port: int
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self, *options: str) -> None:
        binary = shutil.which("redis-server") or shutil.which("valkey-server")
        assert binary, "these tests need Redis or Valkey; Debian: apt-get install redis-server"
        command = [binary, "--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(self.directory), "--save", ""]
        with (self.directory / "log").open("ab") as log:
            self.process = subprocess.Popen([*command, *options], stdout=log, stderr=log, cwd=self.directory)
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0 and self.do("PING") is True:
                    return
            assert self.process.poll() is None, (self.directory / "log").read_text()
            time.sleep(0.02)
        raise AssertionError("Redis did not become ready")

    def do(self, *command: str) -> object:
        """What an operator types."""
        with Client(host="127.0.0.1", port=self.port, decode_responses=True) as client:
            answer: object = client.execute_command(*command)
            return answer

    def kill(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait(20)
            self.process = None


@contextmanager
def running_redis() -> Iterator[Redis]:
    """A new, empty server. Fails, never skips, without Redis or Valkey."""
    directory = Path(tempfile.mkdtemp(prefix="gateway-redis-"))
    try:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        server = Redis(directory, port)
        server.start()
        try:
            yield server
        finally:
            server.kill()
    finally:
        shutil.rmtree(directory)
