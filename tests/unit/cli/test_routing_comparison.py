from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway_ext.cli.routing_comparison import Tally, Verdict, compared, difference_bounds, judged, percentile
from gateway_ext.cli.routing_trail import Ended, Exchange, Inspected

SECOND_NS = 1_000_000_000
OLD, NEW, THIRD = "p/old", "p/new", "p/third"
ENDED = Ended("e", 200, OLD, SECOND_NS, SECOND_NS // 2, 1_500, 3_000, "EUR", ())


def exchange(first: str = OLD, second: str = NEW, **ended: object) -> Exchange:
    return Exchange((first, second), ended=replace(ENDED, **({"cluster": first} | ended)))  # type: ignore[arg-type]  # by name


def tally(requests: int = 1_000, errors: int = 0, withheld: int = 0, seconds: float = 1.0) -> Tally:
    counted = Tally(requests, errors, 0, withheld)
    counted.durations_ns.extend([round(seconds * SECOND_NS)] * (requests - errors))
    return counted


# --- what is counted ------------------------------------------------------------------------------------------------


def test_requests_count_for_whoever_was_first_in_line() -> None:
    found = compared([exchange(OLD, NEW), exchange(OLD, NEW), exchange(NEW, OLD, cluster=OLD)])
    assert list(found.tallies) == [OLD, NEW]
    old, new = found.tallies.values()
    assert (old.requests, old.errors, new.requests, new.errors) == (2, 0, 1, 1), (
        "a fallback's answer is the first's error"
    )
    assert (old.cost_nano, old.tokens, list(old.durations_ns)) == (6_000, 3_000, [SECOND_NS] * 2)
    assert list(new.durations_ns) == [SECOND_NS], "the caller waited for it all the same"
    assert found.currency == "EUR"


@pytest.mark.parametrize(
    ("ended", "expected"),
    [
        ({"http_status": 503}, (1, 0)),
        ({"http_status": 429}, (1, 0)),
        ({"flags": ("timeout",)}, (1, 0)),
        ({"http_status": 400}, (0, 1)),
        ({"http_status": 0, "flags": ("client_aborted",), "cluster": ""}, (0, 0)),
        ({"flags": ("client_aborted",)}, (0, 0)),
    ],
)
def test_errors_and_refusals(ended: dict[str, object], expected: tuple[int, int]) -> None:
    found = compared([exchange(**ended)]).tallies[OLD]  # type: ignore[arg-type]  # fields of Ended
    assert (found.errors, found.refused) == expected


def test_what_the_guard_withheld_is_no_error_of_the_provider() -> None:
    withheld = replace_inspected(exchange(http_status=502), is_withheld=True, findings=2)
    released = replace_inspected(exchange(), is_withheld=False, findings=1)
    found = compared([withheld, released]).tallies[OLD]
    assert (found.errors, found.withheld, found.findings, len(found.durations_ns)) == (0, 1, 3, 1)


def replace_inspected(each: Exchange, *, is_withheld: bool, findings: int) -> Exchange:
    return Exchange(each.clusters, Inspected("e", is_withheld, findings), each.ended)


def test_only_like_requests_are_compared() -> None:
    sensitive = Exchange((OLD,), ended=ENDED)
    unended = Exchange((OLD, NEW))
    elsewhere = exchange(currency="USD")
    found = compared([exchange(OLD, NEW), exchange(NEW, OLD), sensitive, sensitive, unended, elsewhere])
    assert (found.not_comparable, found.unended) == (3, 1)
    assert [each.requests for each in found.tallies.values()] == [1, 1]


def test_the_busiest_is_the_baseline_unless_another_one_is_named() -> None:
    traffic = [exchange(NEW, OLD), exchange(OLD, NEW), exchange(NEW, OLD)]
    assert list(compared(traffic).tallies) == [NEW, OLD]
    assert list(compared(traffic, OLD).tallies) == [OLD, NEW]


def test_what_is_never_first_is_not_compared_and_some_may_be_left_out() -> None:
    three = [Exchange((*pair, THIRD), ended=ENDED) for pair in ((OLD, NEW), (NEW, OLD))]
    assert set(compared(three).tallies) == {OLD, NEW}
    three.append(Exchange((THIRD, OLD, NEW), ended=ENDED))
    assert set(compared(three).tallies) == {OLD, NEW, THIRD}
    assert list(compared(three, OLD, [NEW]).tallies) == [OLD, NEW]
    assert compared([]).tallies == {}


# --- what is said of it ---------------------------------------------------------------------------------------------


def verdict(canary: Tally, baseline: Tally, margin: float = 0.01) -> tuple[Verdict, str]:
    judgement = judged(canary, baseline, margin)
    return judgement.verdict, "; ".join(judgement.reasons)


def test_alike_and_enough_of_it() -> None:
    assert verdict(tally(400), tally(5_000)) == (Verdict.GO_UP, "")


def test_better_may_go_up() -> None:
    assert verdict(tally(2_000, 20, seconds=0.5), tally(9_000, 300)) == (Verdict.GO_UP, "")


def test_too_little_of_it() -> None:
    said, reasons = verdict(tally(100), tally(5_000))
    assert said is Verdict.WAIT
    assert "errors may be higher by up to 2.6 %, 1.0 % is the margin" in reasons
    assert "100 of 200 answers" in reasons
    assert verdict(tally(0), tally(5_000))[0] is Verdict.WAIT


def test_unsure_within_the_margin() -> None:
    assert verdict(tally(500, 25), tally(5_000, 250))[0] is Verdict.WAIT
    assert verdict(tally(5_000, 250), tally(50_000, 2_500))[0] is Verdict.GO_UP
    assert verdict(tally(500, 25), tally(5_000, 250), margin=0.03)[0] is Verdict.GO_UP


@pytest.mark.parametrize(
    ("canary", "said"),
    [
        (tally(1_000, errors=50), "errors are higher by at least 4."),
        (tally(1_000, withheld=50), "withheld are higher by at least 4."),
        (tally(1_000, seconds=1.21), "p95 is 21.0 % longer, 20.0 % is the limit"),
    ],
)
def test_worse_goes_back(canary: Tally, said: str) -> None:
    judgement, reasons = verdict(canary, tally(5_000))
    assert judgement is Verdict.GO_BACK
    assert said in reasons


def test_a_little_slower_is_not_worse() -> None:
    assert verdict(tally(1_000, seconds=1.2), tally(5_000))[0] is Verdict.GO_UP


def test_newcombes_published_interval() -> None:
    """56/70 against 48/80, two-sided 95 %: (0.0524, 0.3339), "Statistics in Medicine" 17, table II (a), method 10."""
    lower, upper = difference_bounds_at_two_sided_95(56, 70, 48, 80)
    assert [lower, upper] == pytest.approx([0.0524, 0.3339], abs=5e-5)


def difference_bounds_at_two_sided_95(*counts: int) -> tuple[float, float]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("gateway_ext.cli.routing_comparison.CONFIDENCE_Z", 1.959964)
        return difference_bounds(*counts)


@given(st.integers(0, 300), st.integers(0, 300), st.integers(0, 300), st.integers(0, 300))
def test_bounds_hold_the_difference_and_mirror(hits: int, misses: int, other_hits: int, other_misses: int) -> None:
    trials, other_trials = hits + misses, other_hits + other_misses
    lower, upper = difference_bounds(hits, trials, other_hits, other_trials)
    mirrored = difference_bounds(other_hits, other_trials, hits, trials)
    assert [lower, upper] == pytest.approx([-mirrored[1], -mirrored[0]])
    if trials and other_trials:
        assert lower - 1e-9 <= hits / trials - other_hits / other_trials <= upper + 1e-9


def test_percentiles_are_values_that_occurred() -> None:
    assert [percentile(range(1, 101), percent) for percent in (50, 95, 100)] == [50, 95, 100]
    assert (percentile([7], 50), percentile([], 95)) == (7, 0)
