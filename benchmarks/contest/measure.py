"""One load on one contestant: what its callers saw, and what its processes spent meanwhile."""

from __future__ import annotations

import re
import statistics
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import uvloop

from benchmarks.contest.cases import Case
from benchmarks.contestants.contestant import Contestant
from benchmarks.load import generator, streams
from benchmarks.machine.processes import cpu_seconds, forget_peak, peak_mib, resident_mib

STREAMS_OPEN_SECONDS = 2.0
STREAMS_SECONDS_MAX = 150.0  # the upstream needs 4 for each stream; who is slower has not failed
_RECEIVED = re.compile(r"ext_proc\.stream_msgs_received: (\d+)")


@dataclass(frozen=True, slots=True)
class Sample:
    """One round. `latencies_ms` and `gaps_ms` are sorted; of a stream the former are those of its first word.

    `failed` counts what was not answered as expected: by status (0: no answer), of streams by what happened to them. By role, of
    streams only: `peak_mib`, the most resident memory meanwhile, and `grown_mib`, by how much that is more than before.
    `messages` is how many Envoy received from processors.
    """

    requests: int
    failed: Mapping[str, int]
    seconds: float
    latencies_ms: Sequence[float]
    cpu_seconds: Mapping[str, float]
    words: int = 0
    gaps_ms: Sequence[float] = ()
    peak_mib: Mapping[str, float] = field(default_factory=dict)
    grown_mib: Mapping[str, float] = field(default_factory=dict)
    messages: int = 0

    @property
    def failures(self) -> int:
        return sum(self.failed.values())


def ask(contestant: Contestant, case: Case, *, seconds: float, rate: float | None = None) -> Sample:
    """Requests at `rate` a second, or as many as it answers. Raises OSError or ExceptionGroup when it is gone."""
    before = cpu(contestant)
    result = uvloop.run(
        generator.run(
            contestant.port,
            case.request(contestant),
            connections=case.connections,
            seconds=seconds,
            rate=rate,
            expected=case.expects,
        )
    )
    failed = {str(status): count for status, count in result.statuses.items()}
    return Sample(result.requests, failed, result.seconds, result.latencies_ms, _spent(contestant, before))


def stream(contestant: Contestant, case: Case) -> Sample:
    """So many streams as the case says. Raises OSError when one of its processes is gone."""
    before, sent, mib = cpu(contestant), messages_received(contestant), memory(contestant)
    for pid in (each for pids in contestant.processes.values() for each in pids):
        forget_peak(pid)
    result = uvloop.run(
        streams.run(
            contestant.port,
            case.request(contestant),
            count=case.streams,
            open_seconds=STREAMS_OPEN_SECONDS,
            limit_seconds=STREAMS_SECONDS_MAX,
        )
    )
    peak = {role: sum(map(peak_mib, pids)) for role, pids in contestant.processes.items()}
    return Sample(
        result.opened - result.failures,
        result.failed,
        result.seconds,
        result.first_ms,
        _spent(contestant, before),
        words=result.words,
        gaps_ms=result.gaps_ms,
        peak_mib=peak,
        grown_mib={role: most - mib[role] for role, most in peak.items()},
        messages=messages_received(contestant) - sent,
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


def messages_received(contestant: Contestant) -> int:
    """From external processors so far, by its Envoy's own count; 0 where there is none.

    What Envoy sends may be one more for a request: the head of an answer, before it has seen that the processor ended the conversation.
    """
    if not contestant.admin:
        return 0
    address = f"http://127.0.0.1:{contestant.admin}/stats?filter=ext_proc.stream_msgs_received"
    with urllib.request.urlopen(address, timeout=10) as answer:
        return sum(map(int, _RECEIVED.findall(answer.read().decode())))


def _spent(contestant: Contestant, before: Mapping[str, float]) -> dict[str, float]:
    return {role: seconds - before[role] for role, seconds in cpu(contestant).items()}
