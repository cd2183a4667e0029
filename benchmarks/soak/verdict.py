"""What a soak has shown: how memory, descriptors and latency went, and whether anything grows. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from benchmarks.growth.least_squares import Line, fit
from benchmarks.machine.usage import Held

WARM_UP = 0.2  # of all windows: caches fill, heaps find their size
MEMORY_MAX = 1.0  # MiB per 100,000 requests
PARTS = 8
DESCRIPTORS_MAX = 1.0  # an hour, threads likewise


@dataclass(frozen=True, slots=True)
class Window:
    """What was found at the end of one: `seconds` and `requests` since the start, latencies of this window's plain chats.

    `wrong` counts answers that were not as they should be, by kind of traffic and status.
    """

    seconds: float
    requests: int
    held: Mapping[str, Held]  # by role
    p50_ms: float
    p99_ms: float
    wrong: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Slopes:
    """Of one role: MiB per 100,000 requests, descriptors and threads an hour."""

    memory: Line
    descriptors: Line
    threads: Line


def after_warm_up(windows: Sequence[Window]) -> Sequence[Window]:
    return windows[int(len(windows) * WARM_UP) :]


def slopes(windows: Sequence[Window], role: str) -> Slopes:
    """Raises statistics.StatisticsError for fewer than two windows after the warm-up."""
    settled = after_warm_up(windows)
    requests = [each.requests / 1e5 for each in settled]
    return Slopes(
        memory=fit(requests, [each.held[role].pss_kib / 1024 for each in settled]),
        descriptors=_least(settled, lambda each: each.held[role].descriptors),
        threads=_least(settled, lambda each: each.held[role].threads),
    )


def _least(windows: Sequence[Window], count: Callable[[Window], int]) -> Line:
    """An hour, of the least count in each of PARTS of the time: what comes and goes is not what is never given back."""
    size = max(1, len(windows) // PARTS)
    parts = [windows[at : at + size] for at in range(0, len(windows), size)]
    return fit([part[0].seconds / 3_600 for part in parts], [min(map(count, part)) for part in parts])


def drift(windows: Sequence[Window]) -> Line:
    """Of the 99th percentile, in milliseconds an hour."""
    settled = after_warm_up(windows)
    return fit([each.seconds / 3_600 for each in settled], [each.p99_ms for each in settled])


def faults(windows: Sequence[Window]) -> list[str]:
    """What must not be; nothing: it stood."""
    found = []
    for role in windows[-1].held:
        of = slopes(windows, role)
        if of.memory.exceeds(MEMORY_MAX):
            found.append(
                f"{role}: memory grows by {of.memory.slope:.2f} ± {of.memory.slope_error:.2f} MiB per 100,000 requests"
            )
        for what, line in (("descriptors", of.descriptors), ("threads", of.threads)):
            if line.exceeds(DESCRIPTORS_MAX):
                found.append(f"{role}: {what} grow by {line.slope:.1f} ± {line.slope_error:.1f} an hour")
    wrong: dict[str, int] = {}
    for each in windows:
        for what, count in each.wrong.items():
            wrong[what] = wrong.get(what, 0) + count
    return found + [f"{count} × {what}" for what, count in sorted(wrong.items())]


def report(windows: Sequence[Window]) -> str:
    """A table a person reads."""
    last = windows[-1]
    lines = [
        f"{last.requests:,} requests in {last.seconds / 60:.1f} minutes; slopes are of the windows after the first fifth",
        f"{'':<12}{'PSS MiB':>9}{'peak':>8}{'per 100,000 requests':>24}{'descriptors':>13}{'an hour':>16}{'threads':>9}{'an hour':>16}",
    ]
    for role, held in last.held.items():
        of = slopes(windows, role)
        peak = max(each.held[role].pss_kib for each in windows) / 1024
        lines.append(
            f"{role:<12}{held.pss_kib / 1024:>9.1f}{peak:>8.1f}{_shown(of.memory):>24}"
            f"{held.descriptors:>13}{_shown(of.descriptors):>16}{held.threads:>9}{_shown(of.threads):>16}"
        )
    settled = after_warm_up(windows)
    lines.append(
        f"plain chats: p50 {_middle([each.p50_ms for each in settled]):.2f} ms, p99 {_middle([each.p99_ms for each in settled]):.2f} ms"
        f" (medians of windows), p99 drifts by {_shown(drift(windows))} ms an hour"
    )
    return "\n".join([*lines, *(f"FAULT {each}" for each in faults(windows))])


def _middle(values: Sequence[float]) -> float:
    return sorted(values)[len(values) // 2]


def _shown(line: Line) -> str:
    return f"{line.slope:+.2f} ± {line.slope_error:.2f}"
