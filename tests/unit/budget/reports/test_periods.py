from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from gateway_ext.budget.reports.periods import between, day_after, month_of, named, with_the_one_before
from gateway_ext.errors import ConfigurationError
from gateway_ext.limits import NANO


def at(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * NANO


LONG_AFTER = at("2030-01-01")


@pytest.mark.parametrize(
    ("window", "starts", "ends", "name_before", "starts_before"),
    [
        ("2026", "2026-01-01", "2027-01-01", "2025", "2025-01-01"),
        ("2026-Q1", "2026-01-01", "2026-04-01", "2025-Q4", "2025-10-01"),
        ("2026-01", "2026-01-01", "2026-02-01", "2025-12", "2025-12-01"),
        ("2026-12", "2026-12-01", "2027-01-01", "2026-11", "2026-11-01"),
        ("2026-W01", "2025-12-29", "2026-01-05", "2025-W52", "2025-12-22"),
        ("2026-03-01", "2026-03-01", "2026-03-02", "2026-02-28", "2026-02-28"),
    ],
)
def test_windows_as_budgets_name_them(
    window: str, starts: str, ends: str, name_before: str, starts_before: str
) -> None:
    period, before = with_the_one_before(named(window), "UTC", LONG_AFTER)
    assert (period.name, period.starts_unix_nano, period.ends_unix_nano) == (window, at(starts), at(ends))
    assert (before.name, before.starts_unix_nano, before.ends_unix_nano) == (name_before, at(starts_before), at(starts))


def test_any_days_are_compared_with_as_many_before_them() -> None:
    period, before = with_the_one_before(between(date(2026, 10, 5), date(2026, 10, 8)), "UTC", LONG_AFTER)
    assert (period.name, before.name) == ("2026-10-05 to 2026-10-07", "2026-10-02 to 2026-10-04")
    assert before.ends_unix_nano == period.starts_unix_nano == at("2026-10-05")


def test_a_period_under_way_is_compared_with_as_much_of_the_one_before() -> None:
    period, before = with_the_one_before(named("2026-10"), "UTC", at("2026-10-03T12:00:00"))
    assert period.ends_unix_nano == at("2026-11-01")
    assert (before.starts_unix_nano, before.ends_unix_nano) == (at("2026-09-01"), at("2026-09-03T12:00:00"))
    assert before.name == "2026-09, until the same point"
    _, shorter = with_the_one_before(named("2026-03"), "UTC", at("2026-03-31"))
    assert shorter.ends_unix_nano == at("2026-03-01")  # February was over by then


def test_days_begin_at_midnight_of_the_time_zone() -> None:
    period, _ = with_the_one_before(named("2026-10-25"), "Europe/Berlin", LONG_AFTER)  # the day daylight saving ends
    assert (period.starts_unix_nano, period.ends_unix_nano) == (at("2026-10-24T22:00:00"), at("2026-10-25T23:00:00"))
    assert month_of(at("2026-10-31T23:30:00"), "Europe/Berlin") == "2026-11"
    assert day_after(at("2026-10-31T23:30:00"), "Europe/Berlin") == date(2026, 11, 2)


@pytest.mark.parametrize("window", ["", "2026-13", "2026-W54", "2026-Q5", "yesterday", "0000", "2026-1"])
def test_what_is_no_window_is_refused(window: str) -> None:
    with pytest.raises(ConfigurationError, match="is no window; give a day"):
        named(window)


def test_days_that_are_none_and_zones_that_do_not_exist() -> None:
    with pytest.raises(ConfigurationError, match="is not after --from"):
        between(date(2026, 1, 2), date(2026, 1, 2))
    with pytest.raises(ConfigurationError, match="not as many days before"):
        between(date(1000, 1, 1), date(9000, 1, 1))
    with pytest.raises(ConfigurationError, match="time zone 'Mars/Base' is unknown"):
        with_the_one_before(named("2026"), "Mars/Base", LONG_AFTER)
