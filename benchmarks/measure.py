"""One load on one contestant: what its callers saw, and what its processes spent meanwhile."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import uvloop

from benchmarks import load, streams
from benchmarks.cases import Case
from benchmarks.contestants import Contestant
from benchmarks.processes import cpu_seconds, resident_mib

STREAMS_OPEN_SECONDS = 2.0
STREAMS_SECONDS_MAX = 20.0  # of which the upstream needs 4 for each stream


@dataclass(frozen=True, slots=True)
class Sample:
    """One round. `latencies_ms` and `gaps_ms` are sorted; of a stream the former are those of its first word."""

    requests: int
    failures: int
    seconds: float
    latencies_ms: Sequence[float]
    cpu_seconds: Mapping[str, float]
    statuses: Mapping[int, int] = field(default_factory=dict)
    words: int = 0
    gaps_ms: Sequence[float] = ()


def ask(contestant: Contestant, case: Case, *, seconds: float, rate: float | None = None) -> Sample:
    """Requests at `rate` a second, or as many as it answers. Raises OSError or ExceptionGroup when it is gone."""
    before = cpu(contestant)
    result = uvloop.run(
        load.run(
            contestant.port,
            case.request(contestant),
            connections=case.connections,
            seconds=seconds,
            rate=rate,
            expected=case.expects,
        )
    )
    return Sample(
        result.requests,
        result.failures,
        result.seconds,
        result.latencies_ms,
        _spent(contestant, before),
        result.statuses,
    )


def stream(contestant: Contestant, case: Case) -> Sample:
    """So many streams as the case says. Raises OSError or ExceptionGroup when it is gone."""
    before = cpu(contestant)
    result = uvloop.run(
        streams.run(
            contestant.port,
            case.request(contestant),
            count=case.streams,
            open_seconds=STREAMS_OPEN_SECONDS,
            limit_seconds=STREAMS_SECONDS_MAX,
        )
    )
    return Sample(
        result.opened - result.failures,
        result.failures,
        result.seconds,
        result.first_ms,
        _spent(contestant, before),
        words=result.words,
        gaps_ms=result.gaps_ms,
    )


def capacity(saturated: Sequence[Sample]) -> float:
    """Requests a second that it can answer, by the rounds so far: their median, which one disturbed round does not move."""
    return statistics.median(each.requests / each.seconds for each in saturated)


def cpu(contestant: Contestant) -> dict[str, float]:
    """Seconds by role."""
    return {role: sum(map(cpu_seconds, pids)) for role, pids in contestant.processes.items()}


def memory(contestant: Contestant) -> dict[str, float]:
    """Resident MiB by role."""
    return {role: sum(map(resident_mib, pids)) for role, pids in contestant.processes.items()}


def _spent(contestant: Contestant, before: Mapping[str, float]) -> dict[str, float]:
    return {role: seconds - before[role] for role, seconds in cpu(contestant).items()}
