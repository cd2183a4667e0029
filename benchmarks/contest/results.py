"""What a run has found: rows of figures, and a profile of each contestant. Kept as JSON, from which report and charts are made."""

from __future__ import annotations

import dataclasses
import json
import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any, TypeVar

from benchmarks.contest.measure import Sample
from benchmarks.load.generator import percentile

Number = TypeVar("Number", int, float)

SATURATION = "saturation"
STREAMS = "streams"
DIRECT = "nobody between"  # the upstream alone, with which latencies are compared
DIRECT_LOAD = "100/s"
PERCENTS = (50.0, 90.0, 99.0, 99.9)


@dataclass(frozen=True, slots=True)
class Row:
    """Figures of one load on one contestant, over all rounds.

    Milliseconds by percentile ("p99.9"), of those for which there are enough samples: `latency_ms` from when a request was
    due (of a stream: to its first word), `gap_ms` between words. `cpu_us`: microseconds by role, per request or, of streams,
    per word. `failed` counts what was not answered as expected, by status or by what happened. Of streams only: `done_seconds`
    until all were done, `messages` that Envoy received from processors for each, and by role the most memory meanwhile, and
    what it grew by for each. `reason` says why there are no figures.
    """

    contestant: str
    case: str
    load: str
    offered_per_second: float = 0.0  # 0: as many as it answers
    requests: int = 0
    failed: Mapping[str, int] = field(default_factory=dict)
    requests_per_second: float = 0.0
    words: int = 0
    latency_ms: Mapping[str, float] = field(default_factory=dict)
    gap_ms: Mapping[str, float] = field(default_factory=dict)
    cpu_us: Mapping[str, float] = field(default_factory=dict)
    path_cpu_us: float = 0.0
    done_seconds: float = 0.0
    messages: float = 0.0
    peak_mib: Mapping[str, float] = field(default_factory=dict)
    stream_kib: Mapping[str, float] = field(default_factory=dict)
    reason: str = ""

    @property
    def failures(self) -> int:
        return sum(self.failed.values())

    @property
    def all_cpu_us(self) -> float:
        return sum(self.cpu_us.values())

    @property
    def per_core(self) -> float:
        """Requests (words) per CPU-second of all its processes."""
        return 1e6 / self.all_cpu_us if self.all_cpu_us else 0.0

    @property
    def per_core_on_path(self) -> float:
        """The same of those on the request path."""
        return 1e6 / self.path_cpu_us if self.path_cpu_us else 0.0


@dataclass(frozen=True, slots=True)
class Profile:
    """Of one contestant: MiB by role, seconds to its first answer, CPU at rest in milliseconds a second, bytes of an image."""

    name: str
    is_ours: bool = False
    is_peer: bool = False
    start_seconds: float = 0.0
    idle_cpu_ms: float = 0.0
    idle_mib: Mapping[str, float] = field(default_factory=dict)
    loaded_mib: Mapping[str, float] = field(default_factory=dict)
    after_mib: Mapping[str, float] = field(default_factory=dict)
    installed: Mapping[str, int] = field(default_factory=dict)
    reason: str = ""  # why it did not take part


@dataclass(frozen=True, slots=True)
class Started:
    """`gateway-ext up` to its first answered request, medians: seconds of the clock, and of CPU of all its processes."""

    answered_seconds: float
    cpu_seconds: float
    starts: int


@dataclass(frozen=True, slots=True)
class Results:
    """One run. `cases` maps names to titles; `starts` by state directory, `sizes` in bytes by what is installed."""

    machine: Mapping[str, Any]
    options: Mapping[str, Any]
    cases: Mapping[str, str]
    profiles: Sequence[Profile]
    rows: Sequence[Row]
    starts: Mapping[str, Started] = field(default_factory=dict)
    sizes: Mapping[str, int] = field(default_factory=dict)

    def added_ms(self, row: Row, percent: str) -> float | None:
        """Milliseconds more than nobody between takes at the same percentile; None where one of them is not known."""
        direct = self.find(DIRECT, row.case, DIRECT_LOAD) or self.find(DIRECT, row.case, STREAMS)
        direct = direct or self.find(DIRECT, "chat", DIRECT_LOAD)  # nobody between refuses nothing
        if direct is None or percent not in row.latency_ms or percent not in direct.latency_ms:
            return None
        return row.latency_ms[percent] - direct.latency_ms[percent]

    def find(self, contestant: str, case: str, load: str) -> Row | None:
        """The row, if it was measured and has figures."""
        rows = (row for row in self.rows if (row.contestant, row.case, row.load) == (contestant, case, load))
        return next((row for row in rows if not row.reason and row.requests), None)


def row_of(
    contestant: str, case: str, load: str, samples: Sequence[Sample], on_path: Sequence[str], offered: float = 0.0
) -> Row:
    """The rounds as one: latencies pooled, CPU over all requests, the median of requests a second."""
    requests, words = sum(each.requests for each in samples), sum(each.words for each in samples)
    failed = _total(each.failed for each in samples)
    if not requests:
        what = ", ".join(f"{count} × {status}" for status, count in failed.items())
        reason = f"not one answer as expected ({what or 'none in time'})"
        return Row(contestant, case, load, failed=failed, reason=reason)
    cpu = _total(each.cpu_seconds for each in samples)
    cpu_us = {role: seconds / (words or requests) * 1e6 for role, seconds in cpu.items()}
    row = Row(
        contestant,
        case,
        load,
        offered,
        requests,
        failed,
        statistics.median(each.requests / each.seconds for each in samples),
        words,
        percentiles(sorted(chain.from_iterable(each.latencies_ms for each in samples))),
        percentiles(sorted(chain.from_iterable(each.gaps_ms for each in samples))),
        cpu_us,
        sum(cpu_us.get(role, 0.0) for role in on_path),
    )
    return _with_streams(row, samples) if words else row


def _with_streams(row: Row, samples: Sequence[Sample]) -> Row:
    opened = row.requests + row.failures
    largest = max(samples, key=lambda each: sum(each.peak_mib.values()))
    grown = _total(each.grown_mib for each in samples)
    return dataclasses.replace(
        row,
        done_seconds=statistics.median(each.seconds for each in samples),
        messages=sum(each.messages for each in samples) / opened,
        peak_mib=largest.peak_mib,
        stream_kib={role: mib * 1024 / opened for role, mib in grown.items()},
    )


def percentiles(ordered: Sequence[float]) -> dict[str, float]:
    """Of PERCENTS those that at least one sample exceeds: of ten samples there is no 99th percentile."""
    enough = (percent for percent in PERCENTS if len(ordered) >= round(100 / (100 - percent)))
    return {f"p{percent:g}": percentile(ordered, percent) for percent in enough}


def save(results: Results, file: Path) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(_rounded(dataclasses.asdict(results)), indent=1) + "\n")


def read(file: Path) -> Results:
    document = json.loads(file.read_text())
    document["profiles"] = [Profile(**each) for each in document["profiles"]]
    document["rows"] = [Row(**each) for each in document["rows"]]
    document["starts"] = {state: Started(**each) for state, each in document["starts"].items()}
    return Results(**document)


def _total(counts: Iterable[Mapping[str, Number]]) -> dict[str, Number]:
    total: dict[str, Number] = {}
    for each in counts:
        for name, count in each.items():
            total[name] = total[name] + count if name in total else count
    return total


def _rounded(value: Any) -> Any:
    """Four significant digits are more than a measurement has."""
    if isinstance(value, float):
        return float(f"{value:.4g}")
    if isinstance(value, dict):
        return {key: _rounded(each) for key, each in value.items()}
    return [_rounded(each) for each in value] if isinstance(value, list | tuple) else value
