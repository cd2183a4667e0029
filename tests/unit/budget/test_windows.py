from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from gateway_ext.budget.windows import NANOSECONDS, window_ends_in_seconds, window_key
from gateway_ext.errors import ConfigurationError


def nano(year: int, month: int, day: int, hour: int = 0, minute: int = 0, second: int = 0, zone: str = "UTC") -> int:
    return int(datetime(year, month, day, hour, minute, second, tzinfo=ZoneInfo(zone)).timestamp()) * NANOSECONDS


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
    assert window_key("month", timezone, now) == key


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
    assert window_ends_in_seconds("month", timezone, now) == seconds


def test_a_month_may_begin_in_the_hour_that_daylight_saving_skips() -> None:
    # Asunción, 2023-10-01: at 00:00 clocks went to 01:00, so the month began at 04:00 UTC.
    begins = nano(2023, 10, 1, 4)
    assert window_key("month", "America/Asuncion", begins - 1) == "2023-09"
    assert window_key("month", "America/Asuncion", begins) == "2023-10"
    assert window_ends_in_seconds("month", "America/Asuncion", begins - NANOSECONDS) == 1


def test_a_month_may_begin_in_the_hour_that_daylight_saving_repeats() -> None:
    # Havana, 2026-11-01: at 01:00 clocks go back to 00:00; the first midnight (04:00 UTC) counts.
    begins = nano(2026, 11, 1, 4)
    assert window_key("month", "America/Havana", begins - 1) == "2026-10"
    assert window_key("month", "America/Havana", begins) == "2026-11"
    assert window_ends_in_seconds("month", "America/Havana", begins - NANOSECONDS) == 1


def test_times_before_1970_are_floored() -> None:
    assert window_key("month", "UTC", -1) == "1969-12"


@pytest.mark.parametrize("timezone", ["Europe/Nowhere", "", "../etc/passwd", "Europe", "/etc/localtime"])
def test_an_unknown_zone_is_named(timezone: str) -> None:
    with pytest.raises(ConfigurationError, match="time zone"):
        window_key("month", timezone, int(datetime(2026, 1, 1, tzinfo=UTC).timestamp()) * NANOSECONDS)


def test_an_unknown_window_is_named() -> None:
    with pytest.raises(ConfigurationError, match="'fortnight'"):
        window_ends_in_seconds("fortnight", "UTC", 0)
