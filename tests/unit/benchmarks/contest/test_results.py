"""Rounds made into rows, rows kept as JSON, and what report, aims and charts make of them."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

from benchmarks.contest import charts
from benchmarks.contest.aims import aims
from benchmarks.contest.field import BARE, FLOOR, INSPECTING, OURS
from benchmarks.contest.measure import Sample, capacity
from benchmarks.contest.report import markdown
from benchmarks.contest.results import (
    DIRECT,
    DIRECT_LOAD,
    SATURATION,
    STREAMS,
    Profile,
    Results,
    Row,
    Started,
    percentiles,
    read,
    row_of,
    save,
)
from benchmarks.start.install_size import PROCESSOR_IMAGE

CPU = {"envoy": 0.1, "processors": 0.2, "control": 0.7}
MACHINE = {
    "date": "2026-01-01", "cores": 2, "processor": "p", "memory_gib": 1, "kernel": "k", "python": "3", "envoy": "1",
    "packages": {"grpcio": "1"}, "load_before": 0.1,
}  # fmt: skip
OPTIONS = {"seconds": 1.0, "rounds": 1, "took_seconds": 60, "load_after": 0.2}


def sample(requests: int = 100, seconds: float = 1.0, latency_ms: float = 1.0) -> Sample:
    return Sample(requests, {"503": 1}, seconds, [latency_ms] * requests, CPU)


def row(
    contestant: str, load: str, case: str = "chat", *, cpu_us: float = 100.0, p50: float = 2.0, p99: float = 4.0
) -> Row:
    figures = {"p50": p50, "p90": p50, "p99": p99}
    cpu = {"envoy": cpu_us / 2, "processors": cpu_us / 2, "control": cpu_us}
    return Row(contestant, case, load, 50.0, 100, {}, 100.0, 0, figures, {}, cpu, cpu_us)


def streams(contestant: str, gap_ms: float, cpu_us: float, failed: dict[str, int] | None = None) -> Row:
    figures = {"p50": gap_ms - 10.0, "p99": gap_ms}
    cpu = {"envoy": cpu_us}
    row = Row(contestant, "streams-50", STREAMS, 0, 50, failed or {}, 10, 10_000, figures, figures, cpu, cpu_us)
    held = {"envoy": 90.0, "processors": 140.0}
    return replace(row, done_seconds=5.5, messages=2.0, peak_mib=held, stream_kib={"envoy": 40.0, "processors": 300.0})


@pytest.fixture
def results() -> Results:
    rows = [
        row(DIRECT, DIRECT_LOAD, p50=1.0, p99=2.0),
        row(FLOOR, SATURATION),
        row(FLOOR, "50%"),
        row(OURS, SATURATION, cpu_us=140),
        row(OURS, "50%", cpu_us=160, p50=2.5, p99=7.0),
        Row("Broken", "chat", SATURATION, failed={"500": 3}, reason="not one answer as expected (3 × 500)"),
        streams(BARE, 21.0, 30),
        streams(OURS, 22.0, 40),
        streams(INSPECTING, 40.0, 1_000, {"truncated": 2}),
    ]
    ours = Profile(
        OURS, True, False, 4.2, 3.0, {"processors": 90.0}, {"processors": 120.0}, {"processors": 100.0}, {"x": 10}
    )
    profiles = [ours, Profile(FLOOR), Profile("Absent", is_peer=True, reason="no such\nprogram")]
    starts = {"fresh state": Started(4.5, 11.0, 3), "kept state": Started(5.25, 10.0, 3)}
    sizes = {PROCESSOR_IMAGE: 276_000_000}
    cases = {"chat": "4 KB chat", "streams-50": "50 open streams"}
    return Results(MACHINE, OPTIONS, cases, profiles, rows, starts, sizes)


def test_rounds_are_pooled() -> None:
    found = row_of(
        "c", "chat", SATURATION, [sample(latency_ms=1), sample(300, 1.5, 3), sample(300, 2)], ("envoy", "processors")
    )
    assert (found.requests, found.failures, found.failed) == (700, 3, {"503": 3})
    assert found.requests_per_second == 150, "the median of the rounds"
    assert found.latency_ms["p50"] == 1
    assert found.latency_ms["p90"] == 3
    assert found.cpu_us == pytest.approx({"envoy": 3e5 / 700, "processors": 6e5 / 700, "control": 21e5 / 700})
    assert found.path_cpu_us == pytest.approx(9e5 / 700)
    assert found.per_core_on_path == pytest.approx(700 / 0.9)
    assert found.per_core == pytest.approx(700 / 3)


def test_of_streams_the_cost_is_a_words() -> None:
    first = replace(sample(2), words=1000, gaps_ms=[20.0] * 1000, messages=6)
    first = replace(first, peak_mib={"processors": 100.0}, grown_mib={"processors": 3.0})
    second = replace(first, seconds=3.0, peak_mib={"processors": 110.0}, grown_mib={"processors": 0.0})
    found = row_of("c", "streams-50", STREAMS, [first, second], ("envoy",))
    assert found.path_cpu_us == pytest.approx(100)
    assert (found.done_seconds, found.messages) == (2.0, 2.0), "of six streams in two rounds, failed ones among them"
    assert (found.peak_mib, found.stream_kib) == ({"processors": 110.0}, {"processors": 512.0})
    assert found.gap_ms == {"p50": 20, "p90": 20, "p99": 20, "p99.9": 20}


def test_without_an_answer_there_is_a_reason_and_no_figure() -> None:
    found = row_of("c", "chat", SATURATION, [replace(sample(), requests=0, failed={"500": 7})], ())
    assert found.reason == "not one answer as expected (7 × 500)"
    assert found.per_core == 0


@pytest.mark.parametrize(
    ("count", "known"), [(1, []), (2, ["p50"]), (99, ["p50", "p90"]), (100, ["p50", "p90", "p99"])]
)
def test_a_percentile_needs_samples_beyond_it(count: int, known: list[str]) -> None:
    assert list(percentiles([1.0] * count)) == known
    assert "p99.9" in percentiles([1.0] * 1000)


def test_one_disturbed_round_does_not_move_the_capacity() -> None:
    assert capacity([sample(100), sample(10), sample(120)]) == 100


def test_they_are_kept_with_four_digits(results: Results, tmp_path: Path) -> None:
    file = tmp_path / "new" / "results.json"
    exact = replace(results, rows=[replace(results.rows[0], requests_per_second=1234.5678), *results.rows[1:]])
    save(exact, file)
    kept = read(file)
    assert kept.rows[0].requests_per_second == 1235
    assert kept.rows[1:] == exact.rows[1:]
    assert kept.profiles == exact.profiles
    assert (kept.starts, kept.sizes) == (exact.starts, exact.sizes)


def test_added_is_over_nobody_between(results: Results) -> None:
    ours = results.find(OURS, "chat", "50%")
    assert ours is not None
    assert results.added_ms(ours, "p99") == 5.0
    assert results.added_ms(ours, "p99.9") is None
    assert results.find("Broken", "chat", SATURATION) is None


def test_aims_are_judged_by_ratios(results: Results) -> None:
    judged = {each.text: (each.found, each.is_met) for each in aims(results)}
    assert judged[f"CPU a request at saturation over that of {FLOOR}"] == ("1.40", True)
    assert judged[f"CPU a request at 50 % load over that of {FLOOR}"] == ("1.60", False)
    assert judged[f"added p50 at 50 % load over that of {FLOOR}"] == ("1.50", True)
    assert judged[f"added p99 at 50 % load over that of {FLOOR}"] == ("2.50", False)
    assert judged["50 open streams: p99 between words over Envoy alone"] == ("+1.0 ms", True)
    assert judged["50 open streams, not inspected: messages from the processor, a stream"] == ("2.00", True)
    inspected = "50 open streams, answers inspected, too"
    assert judged[f"{inspected}: words per core"] == ("1,000", False)
    assert judged[f"{inspected}: failed"] == ("2", False)
    assert judged[f"{inspected}: median first word over {BARE}, within one hold-back window"] == ("+19.0 ms", True)
    assert judged[f"{inspected}: memory of a processor"] == ("147 MB", True)
    assert judged[f"{inspected}: memory for a stream"] == ("307 KB", False)
    assert judged[f"size of {PROCESSOR_IMAGE}"] == ("276 MB", True)
    assert judged["`gateway-ext up` to the first answered request, fresh state"] == ("4.5 s", True)
    assert judged["`gateway-ext up` to the first answered request, kept state"] == ("5.2 s", False)
    assert judged[f"{OURS}: memory of a processor, most seen"] == ("126 MB", True)


def test_the_report_hides_nobody(results: Results) -> None:
    text = markdown(results)
    assert "| Broken | – not one answer as expected (3 × 500) |" in text
    assert "| Absent | – did not start: no such program |" in text
    assert f"| {OURS} | 100 | 7,143 | 3,571 | 140 | 1.40 | envoy 70 + processors 70 + control 140 | 0 |" in text
    assert f"| {OURS} | 50% | 50 | 1.50 | 1.50 | 5.00 |  | 160 | 0 |" in text
    assert f"| {INSPECTING} | 30.0 | 40.0 | 30.0 | 40.0 |  | 10,000 | 5.5 | 2 (2 × truncated) |" in text
    assert f"| {OURS} | 25,000 | 40 | envoy 40 | 2.0 | envoy 90 + processors 140 | envoy 40 + processors 300 |" in text
    assert "| `gateway-ext up`, fresh state | 4.5 | 11.0 | 3 |" in text
    lines = text.splitlines()
    for line, below in pairwise(lines):
        if line.startswith("|") and below.startswith("|"):
            assert line.count("|") == below.count("|"), line


def test_pictures_are_drawn_of_what_was_measured(results: Results, tmp_path: Path) -> None:
    drawn = {each.name for each in charts.draw(results, tmp_path)}
    assert drawn == {"requests-per-core.png", "cpu-by-process.png", "added-latency.png", "streams.png", "memory.png"}
    assert charts.draw(replace(results, rows=[], profiles=[]), tmp_path) == []
