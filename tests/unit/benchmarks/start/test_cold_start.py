from __future__ import annotations

from benchmarks.start.cold_start import FRESH, KEPT, Start, median, report


def a_start(seconds: float) -> Start:
    return Start(
        started_seconds={"simulator": 0.5, "control": 0.6, "envoy": 2.0},
        ready_seconds={"simulator": 0.9, "control": 1.9 + seconds, "envoy": 2.4 + seconds},
        answered_seconds=2.5 + seconds,
        cpu_seconds={"up": 0.5, "simulate": 0.2, "control": 1.0 + seconds, "envoy": 0.3},
        pss_mib={"up": 40.0, "simulate": 14.0, "control": 96.0, "envoy": 60.0},
    )


def test_each_figure_is_the_median_of_its_own() -> None:
    middle = median([a_start(3), a_start(0), a_start(1)])
    assert middle == a_start(1)


def test_the_report_lists_programs_as_they_become_ready_and_sums_up() -> None:
    parts = {"imports": {"cpu_seconds": 1.25, "pss_mib": 71.0}}
    lines = report({FRESH: a_start(1), KEPT: a_start(0)}, parts).splitlines()
    assert [line.split("  ")[0] for line in lines[1:6]] == [
        "up: first child started",
        "simulator ready",
        "control ready",
        "envoy ready",
        "first request answered",
    ]
    assert lines[1].split()[4:7] == ["0.50", "0.50", "40"]
    assert lines[5].split()[3:] == ["3.50", "3.00", "210", "2.50", "2.00", "210"]
    assert lines[-1].split() == ["imports", "1.25", "71"]
