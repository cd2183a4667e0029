"""Which cores of the machine the processes of `up` run on, once they are ready.

A processor computes on one core at a time, whatever the number of its threads. Left to the scheduler these wake each other
across cores, and Envoy's beside them: on a virtual machine each such wake-up leaves the guest, which costs more than what
the thread was woken for (benchmarks/NOTES.md). While they start, all processes may use all cores.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

ANY: frozenset[int] = frozenset()
"""No confinement: what the scheduler thinks best."""


@dataclass(frozen=True, slots=True)
class Shares:
    """Numbers of cores: `processors` has those of each processor, `others` those of Envoy and all the rest."""

    processors: tuple[frozenset[int], ...]
    others: frozenset[int] = ANY


def shares(cores: Iterable[int], processors: int) -> Shares:
    """A core for each processor, and the others for the rest; when none would be left, everybody anywhere."""
    free = sorted(cores)
    if len(free) <= processors:
        return Shares((ANY,) * processors)
    own = free[-processors:]
    return Shares(tuple(frozenset({core}) for core in own), frozenset(free) - frozenset(own))


def confine(pid: int, cores: frozenset[int]) -> None:
    """Let all threads of a process run on `cores` only, and those that they start. ANY, a process or core that is gone: nothing."""
    confined: set[str] = set()
    with contextlib.suppress(OSError):  # a gain that may be missed: what runs elsewhere runs as well
        while cores and (threads := {each.name for each in Path(f"/proc/{pid}/task").iterdir()} - confined):
            for thread in threads:
                with contextlib.suppress(ProcessLookupError):  # it has ended
                    os.sched_setaffinity(int(thread), cores)
            confined |= threads
