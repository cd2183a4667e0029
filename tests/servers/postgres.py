"""A real PostgreSQL of the tests' own, on a free port of the loopback address."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

START_SECONDS = 60.0


@dataclass
class Postgres:
    """One server. `kill` is a crash; `start` after it recovers."""

    directory: Path
    binaries: Path
    port: int
    is_durable: bool = False
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"postgresql://postgres@127.0.0.1:{self.port}/postgres"

    def start(self) -> None:
        options = ["-D", str(self.directory), "-p", str(self.port), "-h", "127.0.0.1", "-k", str(self.directory)]
        if not self.is_durable:
            options += ["-c", "fsync=off"]  # nothing here outlives a power cut; a crash of the server it does
        with (self.directory / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [str(self.binaries / "postgres"), *options], stdout=log, stderr=log, cwd=self.directory, user=_user()
            )
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            ready = [str(self.binaries / "pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(self.port)]
            if subprocess.run(ready, check=False).returncode == 0:
                return
            assert self.process.poll() is None, (self.directory / "log").read_text()
            time.sleep(0.05)
        raise AssertionError("PostgreSQL did not become ready")

    def kill(self) -> None:
        self._end(signal.SIGQUIT)  # "immediate": no checkpoint, as after a crash

    def stop(self) -> None:
        self._end(signal.SIGINT)

    def _end(self, number: signal.Signals) -> None:
        if self.process is not None:
            self.process.send_signal(number)
            self.process.wait(30)
            self.process = None


@contextmanager
def running_postgres(*, is_durable: bool = False) -> Iterator[Postgres]:
    """A new, empty server; `is_durable`: as fast as one that waits for its disk. Fails, never skips, without PostgreSQL: `apt-get install postgresql`."""
    binaries = _binaries()
    directory = Path(tempfile.mkdtemp(prefix="gateway-postgres-"))
    if os.getuid() == 0:
        shutil.chown(directory, "postgres", "postgres")
    try:
        subprocess.run(
            [
                str(binaries / "initdb"),
                "-D",
                str(directory),
                "-U",
                "postgres",
                "-A",
                "trust",
                "-E",
                "UTF8",
                "--no-sync",
            ],
            check=True,
            stdout=subprocess.DEVNULL,
            cwd=directory,
            user=_user(),
        )
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        server = Postgres(directory, binaries, port, is_durable)
        server.start()
        try:
            yield server
        finally:
            server.stop()
    finally:
        shutil.rmtree(directory)


def _binaries() -> Path:
    # Debian keeps initdb beside the real binaries only.
    found = [*Path("/usr/lib/postgresql").glob("*/bin"), *map(Path, os.environ["PATH"].split(os.pathsep))]
    complete = [each for each in found if (each / "initdb").exists() and (each / "postgres").exists()]
    assert complete, "these tests need PostgreSQL 14 or newer; Debian: apt-get install postgresql"
    return complete[0]


def _user() -> str | None:
    """PostgreSQL refuses to run as root."""
    return "postgres" if os.getuid() == 0 else None
