"""When a soak is said to have shown growth, and when not."""

from __future__ import annotations

import os
import random
from collections.abc import Callable
from xml.etree import ElementTree

import pytest

from benchmarks.machine.usage import Held, held
from benchmarks.soak.chart import chart
from benchmarks.soak.traffic import KINDS, STREAMS
from benchmarks.soak.verdict import Window, drift, faults, report, slopes

MIB = 1024


def windows(
    memory_mib: Callable[[float], float] = lambda requests: 100.0,
    descriptors: Callable[[int], int] = lambda at: 30,
    p99_ms: Callable[[int], float] = lambda at: 5.0,
    wrong: dict[int, dict[str, int]] | None = None,
) -> list[Window]:
    """Ten minutes of windows of 5 s with 500 requests each. `memory_mib` by 100,000 requests."""
    return [
        Window(
            5.0 * at,
            500 * at,
            {"processors": Held(200_000, round(memory_mib(500 * at / 1e5) * MIB), descriptors(at), 14)},
            1.0,
            p99_ms(at),
            (wrong or {}).get(at, {}),
        )
        for at in range(1, 121)
    ]


def test_what_stays_has_no_faults() -> None:
    assert faults(windows()) == []


def test_memory_that_grows_is_a_fault() -> None:
    leaking = windows(memory_mib=lambda requests: 100 + 1.5 * requests)
    assert slopes(leaking, "processors").memory.slope == pytest.approx(1.5, abs=0.01)
    assert faults(leaking) == ["processors: memory grows by 1.50 ± 0.00 MiB per 100,000 requests"]
    assert faults(windows(memory_mib=lambda requests: 100 + 0.9 * requests)) == []


def test_the_first_fifth_is_warm_up() -> None:
    assert faults(windows(memory_mib=lambda requests: min(150, 100 + 1_000 * requests))) == []


def test_what_may_be_noise_is_no_fault() -> None:
    chance = random.Random(1)
    noisy = windows(memory_mib=lambda requests: 100 + 1.5 * requests + chance.uniform(-20, 20))
    assert slopes(noisy, "processors").memory.slope_error > 1
    assert faults(noisy) == []


def test_descriptors_that_are_never_given_back_are_a_fault() -> None:
    assert faults(windows(descriptors=lambda at: 30 + at // 20)) != []


def test_descriptors_that_come_and_go_are_none() -> None:
    chance = random.Random(3)
    assert faults(windows(descriptors=lambda at: 29 + chance.choice([0, 0, 0, 3]) + 3 * (at > 100 and at % 2))) == []


def test_every_wrong_answer_is_a_fault_warm_up_or_not() -> None:
    found = faults(windows(wrong={1: {"chat answered with 503": 2}, 90: {"chat answered with 503": 1, "stream": 1}}))
    assert found == ["3 × chat answered with 503", "1 × stream"]


def test_a_report_shows_slopes_and_faults() -> None:
    said = report(windows(memory_mib=lambda requests: 100 + 2 * requests, p99_ms=lambda at: 5 + at / 720))
    assert "60,000 requests in 10.0 minutes" in said
    assert "FAULT processors: memory grows by 2.00" in said
    assert "p99 drifts by +1.00 ± 0.00 ms an hour" in said
    assert drift(windows()).slope == 0


def test_a_chart_has_a_curve_for_each_role_and_percentile() -> None:
    tree = ElementTree.fromstring(chart(windows()))
    svg = "{http://www.w3.org/2000/svg}"
    assert [len(panel.findall(f"{svg}polyline")) for panel in tree.findall(f"{svg}g")] == [1, 1, 2]


def test_shares_are_of_all_requests() -> None:
    assert sum(kind.share for kind in KINDS) + STREAMS == pytest.approx(1)


def test_what_a_process_holds_is_what_the_kernel_says() -> None:
    with open(os.devnull):
        before = held([os.getpid()])
        with open(os.devnull):
            after = held([os.getpid()])
    assert after.descriptors == before.descriptors + 1
    assert before.rss_kib >= before.pss_kib > 0
    assert held([os.getpid(), os.getpid()]).threads == 2 * before.threads
    with pytest.raises((FileNotFoundError, ProcessLookupError)):
        held([2**22 + 1])
