"""Children of a benchmark: started, measured through the kernel's accounting, ended by process id."""

from __future__ import annotations

import contextlib
import itertools
import os
import random
import socket
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

PROJECT = Path(__file__).parents[2]
ENVOY = Path(sys.executable).parent / "envoy"
_CPUCLOCK_SCHED = 2  # include/linux/posix-timers_types.h
_PORTS = 16_384  # among which free ones are looked for
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


def forget_peak(pid: int) -> None:
    """Have `peak_mib` count from now on (proc(5), clear_refs)."""
    Path(f"/proc/{pid}/clear_refs").write_text("5")


def peak_mib(pid: int) -> float:
    """The most resident memory that it has had, by the kernel (VmHWM)."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.partition("VmHWM:")[2].split(maxsplit=1)[0]) / 1024


def parents() -> dict[int, int]:
    """Process id → parent's, of all processes."""
    found = {}
    for entry in Path("/proc").iterdir():
        with contextlib.suppress(OSError, ValueError):
            found[int(entry.name)] = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
    return found


def children_of(pid: int) -> dict[int, list[str]]:
    """Process id → command line, of a process's direct children."""
    return _with_commands(child for child, parent in parents().items() if parent == pid)


def descendants_of(pid: int) -> dict[int, list[str]]:
    """Process id → command line, of its children, theirs, and so on: each behind its parent."""
    parent_of = parents()
    found = [pid]
    for each in found:
        found += [child for child, parent in parent_of.items() if parent == each]
    return _with_commands(found[1:])


def _with_commands(pids: Iterable[int]) -> dict[int, list[str]]:
    found = {}
    for pid in pids:
        with contextlib.suppress(OSError):
            found[pid] = Path(f"/proc/{pid}/cmdline").read_bytes().decode().rstrip("\0").split("\0")
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
    """On which nobody listens, and which the kernel gives to no connection that is opened meanwhile (ip(7), ip_local_port_range)."""
    first_of_connections = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    candidates = random.sample(range(max(1024, first_of_connections - _PORTS), first_of_connections), _PORTS // 2)
    return list(itertools.islice(filter(_is_free, candidates), count))


def _is_free(port: int) -> bool:
    with contextlib.suppress(OSError), socket.socket() as probe:
        probe.bind(("127.0.0.1", port))
        return True
    return False
