"""Children of a benchmark: started, measured through the kernel's accounting, ended by process id."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

PROJECT = Path(__file__).parents[1]
ENVOY = Path(sys.executable).parent / "envoy"
_CPUCLOCK_SCHED = 2  # include/linux/posix-timers_types.h
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


@contextlib.contextmanager
def child(*command: str | Path, log: Path, directory: Path = PROJECT) -> Iterator[subprocess.Popen[bytes]]:
    """Run a command; at the end terminate it, and kill it if that takes long."""
    environment = {**os.environ, "PYTHONPATH": str(PROJECT)}
    with log.open("wb") as output:
        process = subprocess.Popen(command, cwd=directory, stdout=output, stderr=output, env=environment)
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def cpu_seconds(pid: int) -> float:
    """User and system time of a process so far, by the scheduler, in nanoseconds: of all its threads, ended ones included.

    That is the process's own clock, with the number that clock_getcpuclockid(3) gives it; /proc/PID/stat counts ticks of
    10 ms, and the threads below /proc/PID/task take their time with them when they end. Raises OSError for a process that is no more.
    """
    return time.clock_gettime_ns((~pid << 3) | _CPUCLOCK_SCHED) / 1e9


def resident_mib(pid: int) -> float:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * _PAGE_BYTES / 2**20


def children_of(pid: int) -> dict[int, list[str]]:
    """Process id → command line, of a process's direct children."""
    found = {}
    for entry in Path("/proc").iterdir():
        with contextlib.suppress(OSError, ValueError):
            if int((entry / "stat").read_text().rpartition(")")[2].split()[1]) == pid:
                found[int(entry.name)] = (entry / "cmdline").read_bytes().decode().rstrip("\0").split("\0")
    return found


def wait_for_port(port: int, seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while True:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        if time.monotonic() > deadline:
            raise TimeoutError(f"nothing listens on port {port}")
        time.sleep(0.05)


def free_ports(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    try:
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [int(each.getsockname()[1]) for each in sockets]
    finally:
        for each in sockets:
            each.close()
