"""Processes that wait for their turn and take nothing meanwhile: stopped, and continued (signal(7): SIGSTOP, SIGCONT)."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Iterable

from benchmarks.machine.processes import parents

AHEAD_SECONDS = 0.5  # that workers go on before their supervisor, which else finds them silent for all of the pause


def stop(pids: Iterable[int]) -> list[int]:
    """Stop these processes and all below them, supervisors first; those that were stopped, for `go_on`.

    Touches descendants of this process only: a number that has meanwhile become another's is not ours to stop.
    """
    found = family(pids, parents(), os.getpid())
    for pid in found:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGSTOP)
    return found


def go_on(stopped: Iterable[int]) -> None:
    """Continue what `stop` has stopped: workers first, and what supervises them a moment later."""
    parent_of, waiting = parents(), list(stopped)
    supervisors = {parent_of[pid] for pid in waiting if pid in parent_of} & set(waiting)
    for pid in waiting:
        if pid not in supervisors:
            _continue(pid)
    if supervisors:
        time.sleep(AHEAD_SECONDS)
    for pid in reversed(waiting):
        if pid in supervisors:
            _continue(pid)


def family(pids: Iterable[int], parent_of: dict[int, int], above: int) -> list[int]:
    """`pids` and all their descendants as far as they descend from `above`, each behind its parent. Pure."""
    below, wanted = [above], set(pids) - {above}
    for each in below:
        below += [child for child, parent in parent_of.items() if parent == each]
        if parent_of.get(each) in wanted:
            wanted.add(each)
    return [pid for pid in below[1:] if pid in wanted]


def _continue(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGCONT)
