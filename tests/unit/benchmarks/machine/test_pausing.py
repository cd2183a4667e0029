"""Who is stopped, in which order, and that it goes on."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.machine.pausing import family, go_on, stop
from benchmarks.machine.processes import cpu_seconds, descendants_of, forget_peak, peak_mib, resident_mib

WORK = "print(1, flush=True)\nwhile True: pass"
PARENT = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {WORK!r}])"


@pytest.fixture
def parent() -> Iterator[subprocess.Popen[bytes]]:
    """A process that waits for its child, which works without end."""
    with subprocess.Popen([sys.executable, "-c", PARENT], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.read(2) == b"1\n"
        below = descendants_of(process.pid)
        yield process
        process.kill()
        for pid in below:
            os.kill(pid, 9)


def state(pid: int) -> str:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]


def wait_for(pids: list[int], states: str) -> None:
    deadline = time.monotonic() + 30
    while not all(state(pid) in states for pid in pids):
        assert time.monotonic() < deadline, [state(pid) for pid in pids]
        time.sleep(0.001)


def test_all_below_stand_still_until_they_go_on(parent: subprocess.Popen[bytes]) -> None:
    (worker,) = descendants_of(parent.pid)
    stopped = stop([parent.pid])
    assert stopped == [parent.pid, worker], "supervisors first"
    wait_for(stopped, "T")
    spent = cpu_seconds(worker)
    time.sleep(0.05)
    assert cpu_seconds(worker) == spent
    go_on(stopped)
    wait_for(stopped, "RS")
    while cpu_seconds(worker) == spent:
        time.sleep(0.001)


def test_what_has_ended_meanwhile_is_no_fault() -> None:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    assert stop([process.pid]) == []
    go_on([process.pid])


def test_nobody_is_stopped_whom_we_have_not_started() -> None:
    parent_of = {2: 1, 10: 2, 11: 10, 12: 11, 20: 2, 13: 10}
    assert family([11, 20], parent_of, above=10) == [11, 12]
    assert family([10, 11], parent_of, above=2) == [10, 11, 13, 12]
    assert family([2], parent_of, above=2) == [], "not ourselves"


def test_the_most_memory_counts_from_when_it_was_asked_for(parent: subprocess.Popen[bytes]) -> None:
    (worker,) = descendants_of(parent.pid)
    forget_peak(worker)
    assert 0 < peak_mib(worker) < 1024
    assert peak_mib(worker) == pytest.approx(resident_mib(worker), rel=0.5)
