"""Rounds made into rows, rows kept as JSON, and what report, aims and charts make of them."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

from benchmarks import charts
from benchmarks.aims import aims
from benchmarks.field import BARE, FLOOR, INSPECTING, OURS
from benchmarks.measure import Sample, capacity
from benchmarks.report import markdown
from benchmarks.results import (
    DIRECT,
    DIRECT_LOAD,
    SATURATION,
    STREAMS,
    Profile,
    Results,
    Row,
    percentiles,
    read,
    row_of,
    save,
)

CPU = {"envoy": 0.1, "processors": 0.2, "control": 0.7}
MACHINE = {
    "date": "2026-01-01", "cores": 2, "processor": "p", "memory_gib": 1, "kernel": "k", "python": "3", "envoy": "1",
    "packages": {"grpcio": "1"}, "load_before": 0.1,
}  # fmt: skip
OPTIONS = {"seconds": 1.0, "rounds": 1, "took_seconds": 60, "load_after": 0.2}


def sample(requests: int = 100, seconds: float = 1.0, latency_ms: float = 1.0) -> Sample:
    return Sample(requests, 1, seconds, [latency_ms] * requests, CPU, {503: 1})


def row(
    contestant: str, load: str, case: str = "chat", *, cpu_us: float = 100.0, p50: float = 2.0, p99: float = 4.0
) -> Row:
    figures = {"p50": p50, "p90": p50, "p99": p99}
    cpu = {"envoy": cpu_us / 2, "processors": cpu_us / 2, "control": cpu_us}
    return Row(contestant, case, load, 50.0, 100, 0, {}, 100.0, 0, figures, {}, cpu, cpu_us)


def streams(contestant: str, gap_ms: float, cpu_us: float, failures: int = 0) -> Row:
    figures = {"p50": 20.0, "p99": gap_ms}
    return Row(
        contestant, "streams-50", STREAMS, 0, 50, failures, {}, 10, 10_000, figures, figures, {"envoy": cpu_us}, cpu_us
    )


@pytest.fixture
def results() -> Results:
    rows = [
        row(DIRECT, DIRECT_LOAD, p50=1.0, p99=2.0),
        row(FLOOR, SATURATION),
        row(FLOOR, "50%"),
        row(OURS, SATURATION, cpu_us=140),
        row(OURS, "50%", cpu_us=160, p50=2.5, p99=7.0),
        Row("Broken", "chat", SATURATION, failures=3, reason="not one answer as expected (3 × 500)"),
        streams(BARE, 21.0, 30),
        streams(OURS, 22.0, 40),
        streams(INSPECTING, 40.0, 1_000, failures=2),
    ]
    ours = Profile(
        OURS, True, False, 4.2, 3.0, {"processors": 90.0}, {"processors": 120.0}, {"processors": 100.0}, {"x": 10}
    )
    profiles = [ours, Profile(FLOOR), Profile("Absent", is_peer=True, reason="no such\nprogram")]
    return Results(MACHINE, OPTIONS, {"chat": "4 KB chat", "streams-50": "50 open streams"}, profiles, rows)


def test_rounds_are_pooled() -> None:
    found = row_of(
        "c", "chat", SATURATION, [sample(latency_ms=1), sample(300, 1.5, 3), sample(300, 2)], ("envoy", "processors")
    )
    assert (found.requests, found.failures, found.statuses) == (700, 3, {"503": 3})
    assert found.requests_per_second == 150, "the median of the rounds"
    assert found.latency_ms["p50"] == 1
    assert found.latency_ms["p90"] == 3
    assert found.cpu_us == pytest.approx({"envoy": 3e5 / 700, "processors": 6e5 / 700, "control": 21e5 / 700})
    assert found.path_cpu_us == pytest.approx(9e5 / 700)
    assert found.per_core_on_path == pytest.approx(700 / 0.9)
    assert found.per_core == pytest.approx(700 / 3)


def test_of_streams_the_cost_is_a_words() -> None:
    found = row_of("c", "streams-50", STREAMS, [replace(sample(2), words=1000, gaps_ms=[20.0] * 1000)], ("envoy",))
    assert found.path_cpu_us == pytest.approx(100)
    assert found.gap_ms == {"p50": 20, "p90": 20, "p99": 20, "p99.9": 20}


def test_without_an_answer_there_is_a_reason_and_no_figure() -> None:
    found = row_of("c", "chat", SATURATION, [replace(sample(), requests=0, failures=7, statuses={500: 7})], ())
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
    assert judged["50 open streams, inspected: words per core"] == ("1,000", False)
    assert judged["50 open streams, inspected: failed"] == ("2", False)
    assert judged[f"{OURS}: memory of a processor, most seen"] == ("126 MB", True)


def test_the_report_hides_nobody(results: Results) -> None:
    text = markdown(results)
    assert "| Broken | – not one answer as expected (3 × 500) |" in text
    assert "| Absent | – did not start: no such program |" in text
    assert f"| {OURS} | 100 | 7,143 | 3,571 | 140 | 1.40 | envoy 70 + processors 70 + control 140 | 0 |" in text
    assert f"| {OURS} | 50% | 50 | 1.50 | 1.50 | 5.00 |  | 160 | 0 |" in text
    assert f"| {INSPECTING} | 20.0 | 40.0 |" in text
    lines = text.splitlines()
    for line, below in pairwise(lines):
        if line.startswith("|") and below.startswith("|"):
            assert line.count("|") == below.count("|"), line


def test_pictures_are_drawn_of_what_was_measured(results: Results, tmp_path: Path) -> None:
    drawn = {each.name for each in charts.draw(results, tmp_path)}
    assert drawn == {"requests-per-core.png", "cpu-by-process.png", "added-latency.png", "streams.png", "memory.png"}
    assert charts.draw(replace(results, rows=[], profiles=[]), tmp_path) == []
