"""A peer's processes: started in a clean environment, waited for, found by parentage, all of them ended."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from benchmarks.contestants.contestant import DidNotStart
from benchmarks.machine.processes import child, descendants_of
from benchmarks.peers.environments import last_words

START_SECONDS_MAX = 180  # LiteLLM takes 20 s of a quiet machine
WORKERS = os.cpu_count() or 1  # one a core, as the makers of LiteLLM and Presidio advise
# That workers may be silent until their supervisor replaces them: at saturation they are for longer than the defaults of 5 and 30 s
# allow, and while others are measured all of a peer is stopped.
SILENT_SECONDS_MAX = 3600
NO_TELEMETRY = {"DO_NOT_TRACK": "1", "OTEL_SDK_DISABLED": "true", "HF_HUB_OFFLINE": "1"}


@contextlib.contextmanager
def running(*command: str | Path, root: Path, log: str, environment: Mapping[str, str]) -> Iterator[Peer]:
    """Run a command with these variables and no others: no proxy, no credential and no module of ours reaches a peer."""
    variables = {"PATH": os.environ["PATH"], "HOME": str(root), "LANG": "C.UTF-8"} | NO_TELEMETRY
    variables |= {"PYTHONUNBUFFERED": "1", **environment}  # what is waited for is read from the log
    clean = ("env", "-i", *(f"{name}={value}" for name, value in variables.items()))
    with child(*clean, *command, log=root / log, directory=root) as process:
        peer = Peer(process, root / log)
        try:
            yield peer
        finally:
            below = peer.below()
            process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(timeout=10)
            _end(below)


class Peer:
    """The first process of a peer and its log."""

    def __init__(self, process: subprocess.Popen[bytes], log: Path) -> None:
        self.process = process
        self._log = log

    @property
    def output(self) -> str:
        return self._log.read_text(errors="replace")

    def below(self) -> dict[int, list[str]]:
        """Process id → command line, of all its descendants."""
        return descendants_of(self.process.pid)

    def wait_until(self, ready: Callable[[], bool]) -> None:
        """Raises DidNotStart, with its last words, if it ends before that or takes too long."""
        deadline = time.monotonic() + START_SECONDS_MAX
        while not ready():
            if self.process.poll() is not None:
                raise DidNotStart(f"it ended with {self.process.returncode}: {last_words(self.output)}")
            if time.monotonic() > deadline:
                raise DidNotStart(f"it was not ready within {START_SECONDS_MAX} s: {last_words(self.output)}")
            time.sleep(0.05)


def listens(port: int) -> bool:
    """Whether something accepts connections there."""
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False


def _end(left: Mapping[int, list[str]]) -> None:
    """Kill what outlived its parent, and is still what it was."""
    for pid, command in left.items():
        with contextlib.suppress(OSError):
            if Path(f"/proc/{pid}/cmdline").read_bytes().decode().rstrip("\0").split("\0") == command:
                os.kill(pid, signal.SIGKILL)
