from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway_ext.alerts.alert import Kind
from gateway_ext.alerts.judgement import Standing, Told, due, exceeded_unix_nano, posted_nano_min
from gateway_ext.alerts.rules import BudgetAlerts

RULES = BudgetAlerts()
FORECAST = BudgetAlerts((), forecast=True)
AT = 1_000
STANDING = Standing("a", 1_000, 0, 0, 0, 0, AT, begins_unix_nano=0, ends_unix_nano=10_000)


def spent(posted_nano: int, **changes: Any) -> Standing:
    return replace(STANDING, posted_nano=posted_nano, **changes)


@pytest.mark.parametrize(
    ("posted", "threshold"), [(0, 0), (499, 0), (500, 50), (799, 50), (800, 80), (999, 80), (1_000, 100), (5_000, 100)]
)
def test_the_highest_threshold_that_is_reached_is_told(posted: int, threshold: int) -> None:
    assert due(spent(posted), RULES, {}) == ([(Kind.THRESHOLD, threshold)] if threshold else [])


def test_what_was_told_is_not_told_again_and_more_is() -> None:
    told = {(Kind.THRESHOLD, "a"): Told(80, AT)}
    assert due(spent(900), RULES, told) == []
    assert due(spent(500), RULES, told) == []  # implied, or fallen back by a top-up
    assert due(spent(1_000), RULES, told) == [(Kind.THRESHOLD, 100)]
    assert due(replace(spent(900), account="b"), RULES, told) == [(Kind.THRESHOLD, 80)]


def test_what_is_held_is_no_spending() -> None:
    assert due(spent(0, held_nano=1_000), RULES, {}) == []


def test_a_budget_of_nothing_has_reached_everything_with_the_first_cent() -> None:
    assert due(spent(0, limit_nano=0), RULES, {}) == []
    assert due(spent(1, limit_nano=0), RULES, {}) == [(Kind.THRESHOLD, 100)]


def test_thresholds_above_the_limit_are_for_soft_budgets() -> None:
    assert due(spent(1_200), BudgetAlerts((120,)), {}) == [(Kind.THRESHOLD, 120)]


def test_a_rolling_budget_is_told_again_after_its_length_whichever_way_the_clock_went() -> None:
    rolling = spent(900, length_nano=100, at_unix_nano=1_000)
    assert due(rolling, RULES, {(Kind.THRESHOLD, "a"): Told(80, 901)}) == []
    assert due(rolling, RULES, {(Kind.THRESHOLD, "a"): Told(80, 900)}) == [(Kind.THRESHOLD, 80)]
    assert due(rolling, RULES, {(Kind.THRESHOLD, "a"): Told(80, 99_000)}) == [(Kind.THRESHOLD, 80)]


@pytest.mark.parametrize(
    ("posted", "at", "exceeded"),
    [
        (100, 1_000, None),  # exactly used up at the end
        (101, 1_000, 9_900),
        (900, 5_000, 5_555),
        (999, 999, None),  # too early in the period to tell
        (1_000, 5_000, None),  # it has been passed
        (0, 5_000, None),
    ],
)
def test_a_forecast_goes_by_the_rate_since_the_period_began(posted: int, at: int, exceeded: int | None) -> None:
    standing = spent(posted, at_unix_nano=at)
    assert exceeded_unix_nano(standing) == exceeded
    assert due(standing, FORECAST, {}) == ([] if exceeded is None else [(Kind.FORECAST, 100)])
    assert due(standing, FORECAST, {(Kind.FORECAST, "a"): Told(100, 0)}) == []


def test_without_an_end_there_is_no_forecast() -> None:
    assert due(replace(spent(900, at_unix_nano=5_000), ends_unix_nano=None), FORECAST, {}) == []


def test_nothing_to_tell_needs_no_look() -> None:
    assert posted_nano_min(BudgetAlerts(()), 1_000, AT, 0, 10_000) is None


@given(
    thresholds=st.lists(st.integers(1, 1_000), max_size=3, unique=True).map(lambda each: tuple(sorted(each))),
    forecast=st.booleans(),
    posted=st.integers(0, 3_000),
    limit=st.integers(0, 2_000),
    more=st.integers(0, 500),
    at=st.integers(0, 9_999),
)
def test_whoever_is_to_be_told_of_is_looked_at(
    thresholds: tuple[int, ...], forecast: bool, posted: int, limit: int, more: int, at: int
) -> None:
    rules = BudgetAlerts(thresholds, forecast)
    standing = spent(posted, at_unix_nano=at, limit_nano=limit + more)
    least = posted_nano_min(rules, limit, at, 0, 10_000)
    if due(standing, rules, {}):
        assert least is not None
        assert posted >= least
