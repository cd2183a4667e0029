"""Cores of their own for processors, and the others for the rest."""

import os
import subprocess
import sys
import threading

from hypothesis import given
from hypothesis import strategies as st

from gateway_ext.local.cores import ANY, confine, shares


def test_the_last_cores_are_the_processors_own() -> None:
    placed = shares({0, 1, 4, 6}, 2)
    assert placed.processors == (frozenset({4}), frozenset({6}))
    assert placed.others == {0, 1}


@given(st.sets(st.integers(min_value=0, max_value=63)), st.integers(min_value=1, max_value=70))
def test_every_process_has_somewhere_to_run_and_no_core_has_two_owners(cores: set[int], processors: int) -> None:
    placed = shares(cores, processors)
    assert len(placed.processors) == processors
    if len(cores) <= processors:
        assert {*placed.processors, placed.others} == {ANY}
    else:
        assert placed.others
        assert sum(map(len, placed.processors)) == processors
        assert placed.others.union(*placed.processors) == cores


def test_all_threads_of_a_process_are_confined() -> None:
    script = "import threading, sys; e = threading.Event(); threading.Thread(target=e.wait, daemon=True).start();"
    script += "print('up', flush=True); sys.stdin.read()"
    core = min(os.sched_getaffinity(0))
    with subprocess.Popen([sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        confine(process.pid, frozenset({core}))
        threads = [int(each) for each in os.listdir(f"/proc/{process.pid}/task")]
        assert len(threads) == 2
        assert [os.sched_getaffinity(thread) for thread in threads] == [{core}] * 2


def test_nobody_is_confined_to_any_core_to_one_that_is_not_there_or_when_gone() -> None:
    before = os.sched_getaffinity(0)
    confine(threading.get_native_id(), ANY)
    confine(os.getpid(), frozenset({1023}))
    with subprocess.Popen(["true"]) as ended:
        ended.wait()
        confine(ended.pid, frozenset({min(before)}))
    assert os.sched_getaffinity(0) == before
