from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from gateway_ext.budget.windows import NANOSECONDS, ROLLING_BUCKETS, Calendar, Period, Window, period
from gateway_ext.errors import ConfigurationError


def nano(year: int, month: int, day: int, hour: int = 0, minute: int = 0, second: int = 0, zone: str = "UTC") -> int:
    return int(datetime(year, month, day, hour, minute, second, tzinfo=ZoneInfo(zone)).timestamp()) * NANOSECONDS


def month(timezone: str) -> Window:
    return Window(Calendar.MONTH, timezone)


@pytest.mark.parametrize(
    ("timezone", "now", "key"),
    [
        ("UTC", nano(2026, 11, 30, 23, 59, 59), "2026-11"),
        ("UTC", nano(2026, 12, 1), "2026-12"),
        ("Europe/Berlin", nano(2026, 11, 30, 22, 59, 59), "2026-11"),
        ("Europe/Berlin", nano(2026, 11, 30, 23), "2026-12"),  # winter: midnight is 23:00 UTC
        ("Europe/Berlin", nano(2026, 6, 30, 22), "2026-07"),  # summer: 22:00 UTC
        ("Asia/Kolkata", nano(2026, 1, 31, 18, 30), "2026-02"),
        ("America/New_York", nano(2027, 1, 1, 4, 59, 59), "2026-12"),
    ],
)
def test_the_month_is_that_of_the_place(timezone: str, now: int, key: str) -> None:
    assert period(month(timezone), now).key == key


@pytest.mark.parametrize(
    ("timezone", "now", "seconds"),
    [
        ("UTC", nano(2026, 12, 31, 23, 59, 59), 1),
        ("UTC", nano(2027, 1, 1) - 1, 1),
        ("UTC", nano(2027, 1, 1), 31 * 86_400),
        ("UTC", nano(2028, 2, 1), 29 * 86_400),
        # The clocks change in the last days of both months: an hour less, an hour more.
        ("Europe/Berlin", nano(2026, 3, 1, zone="Europe/Berlin"), 31 * 86_400 - 3_600),
        ("Europe/Berlin", nano(2026, 10, 1, zone="Europe/Berlin"), 31 * 86_400 + 3_600),
    ],
)
def test_the_end_is_the_next_local_midnight(timezone: str, now: int, seconds: int) -> None:
    assert period(month(timezone), now).ends_in_seconds == seconds


@pytest.mark.parametrize(
    ("window", "now", "key", "before", "ends"),
    [
        (Window(Calendar.DAY), nano(2026, 3, 1, 12), "2026-03-01", "2026-02-28", nano(2026, 3, 2)),
        (Window(Calendar.WEEK), nano(2027, 1, 3, 12), "2026-W53", "2026-W52", nano(2027, 1, 4)),
        (Window(Calendar.WEEK), nano(2027, 1, 4), "2027-W01", "2026-W53", nano(2027, 1, 11)),
        (Window(Calendar.MONTH), nano(2026, 1, 31), "2026-01", "2025-12", nano(2026, 2, 1)),
        (Window(Calendar.QUARTER), nano(2026, 2, 28), "2026-Q1", "2025-Q4", nano(2026, 4, 1)),
        (Window(Calendar.QUARTER, year_begins_in=2), nano(2026, 1, 31), "FY2025-Q4", "FY2025-Q3", nano(2026, 2, 1)),
        (Window(Calendar.QUARTER, year_begins_in=10), nano(2026, 12, 31), "FY2026-Q1", "FY2025-Q4", nano(2027, 1, 1)),
        (Window(Calendar.YEAR), nano(2026, 6, 30), "2026", "2025", nano(2027, 1, 1)),
        (Window(Calendar.YEAR, year_begins_in=4), nano(2026, 3, 31), "FY2025", "FY2024", nano(2026, 4, 1)),
        (Window(Calendar.YEAR, year_begins_in=4), nano(2026, 4, 1), "FY2026", "FY2025", nano(2027, 4, 1)),
    ],
)
def test_calendars_and_fiscal_years(window: Window, now: int, key: str, before: str, ends: int) -> None:
    found = period(window, now)
    assert found.began_seconds_ago is not None
    assert found == Period(key, (ends - now) // NANOSECONDS, before, began_seconds_ago=found.began_seconds_ago)
    # The last second of the period before.
    last = period(window, now - (found.began_seconds_ago + 1) * NANOSECONDS)
    assert (last.key, last.ends_in_seconds) == (before, 1)


def test_a_total_never_ends() -> None:
    assert period(Window(Calendar.TOTAL), 5) == Period("total", None)


def test_a_rolling_window_counts_itself_and_what_was_before() -> None:
    day = Window(Calendar.ROLLING, length_seconds=86_400)
    now = period(day, nano(2026, 11, 21, 10, 30))
    assert now.ends_in_seconds == 1_800
    assert len(now.others) == 2 * ROLLING_BUCKETS
    assert period(day, nano(2026, 11, 20, 10)).key in now.others
    assert period(day, nano(2026, 11, 20, 9, 59, 59)).key not in now.others
    assert period(day, nano(2026, 11, 21, 11)).key in now.others  # for what comes late
    assert now.before == ""


def test_a_month_may_begin_in_the_hour_that_daylight_saving_skips() -> None:
    # Asunción, 2023-10-01: at 00:00 clocks went to 01:00, so the month began at 04:00 UTC.
    begins, there = nano(2023, 10, 1, 4), month("America/Asuncion")
    assert period(there, begins - 1).key == "2023-09"
    assert period(there, begins).key == "2023-10"
    assert period(there, begins - NANOSECONDS).ends_in_seconds == 1


def test_a_month_may_begin_in_the_hour_that_daylight_saving_repeats() -> None:
    # Havana, 2026-11-01: at 01:00 clocks go back to 00:00; the first midnight (04:00 UTC) counts.
    begins, there = nano(2026, 11, 1, 4), month("America/Havana")
    assert period(there, begins - 1).key == "2026-10"
    assert period(there, begins).key == "2026-11"
    assert period(there, begins - NANOSECONDS).ends_in_seconds == 1


def test_times_before_1970_are_floored() -> None:
    assert period(month("UTC"), -1).key == "1969-12"


@pytest.mark.parametrize("timezone", ["Europe/Nowhere", "", "../etc/passwd", "Europe", "/etc/localtime"])
def test_an_unknown_zone_is_named(timezone: str) -> None:
    with pytest.raises(ConfigurationError, match="time zone"):
        period(month(timezone), 0)
