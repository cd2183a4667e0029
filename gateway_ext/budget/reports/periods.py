"""Of which time a report is, and which one it is compared with. A day begins at midnight of the time zone, as in budgets."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from gateway_ext.errors import ConfigurationError
from gateway_ext.limits import NANO

_MONTHS = 12
_QUARTER = re.compile(r"(\d{4})-Q([1-4])")
_WEEK = re.compile(r"(\d{4})-W(\d{2})")
_MONTH = re.compile(r"(\d{4})-(\d{2})")
_FORMS = "a day (2026-10-31), a week (2026-W44), a month (2026-10), a quarter (2026-Q4) or a year (2026)"


@dataclass(frozen=True, slots=True)
class ReportPeriod:
    """[starts, ends), and what people call it."""

    name: str
    starts_unix_nano: int
    ends_unix_nano: int


@dataclass(frozen=True, slots=True)
class Days:
    """From the first day to the one before `until`. The days before them, of the same kind, begin at `before`."""

    name: str
    first: date
    until: date
    before: date


def named(window: str) -> Days:
    """The days of a window as budgets name them, but for fiscal years. Raises ConfigurationError saying what can be said."""
    try:
        if match := _QUARTER.fullmatch(window):
            return _months(window, int(match[1]), 3 * int(match[2]) - 2, 3)
        if match := _WEEK.fullmatch(window):
            first = date.fromisocalendar(int(match[1]), int(match[2]), 1)
            return Days(window, first, first + timedelta(days=7), first - timedelta(days=7))
        if match := _MONTH.fullmatch(window):
            return _months(window, int(match[1]), int(match[2]), 1)
        if re.fullmatch(r"\d{4}", window):
            return _months(window, int(window), 1, _MONTHS)
        first = date.fromisoformat(window)
        return Days(window, first, first + timedelta(days=1), first - timedelta(days=1))
    except (ValueError, OverflowError):
        raise ConfigurationError(f"'{window}' is no window; give {_FORMS}") from None


def between(first: date, until: date) -> Days:
    """Any days; compared with as many right before them. Raises ConfigurationError when there are none."""
    if until <= first:
        raise ConfigurationError(f"--to {until} is not after --from {first}; it is the first day that no longer counts")
    try:
        return Days(f"{first} to {until - timedelta(days=1)}", first, until, first - (until - first))
    except OverflowError:
        raise ConfigurationError(
            "there are not as many days before --from to compare with; choose fewer days"
        ) from None


def month_of(now_unix_nano: int, timezone: str) -> str:
    """The month that a moment falls into there, as `named` takes it."""
    return f"{datetime.fromtimestamp(now_unix_nano // NANO, zone(timezone)):%Y-%m}"


def day_after(now_unix_nano: int, timezone: str) -> date:
    """Tomorrow there."""
    return datetime.fromtimestamp(now_unix_nano // NANO, zone(timezone)).date() + timedelta(days=1)


def with_the_one_before(days: Days, timezone: str, now_unix_nano: int) -> tuple[ReportPeriod, ReportPeriod]:
    """The period and the one before it; of that only as much as has passed of the first, while that is under way."""
    starts, ends, before = (_midnight(day, timezone) for day in (days.first, days.until, days.before))
    passed = min(now_unix_nano, ends) - starts
    is_under_way = starts <= now_unix_nano < ends
    until = min(before + passed, starts) if is_under_way else starts
    title = _name_before(days)
    return ReportPeriod(days.name, starts, ends), ReportPeriod(
        f"{title}, until the same point" if is_under_way else title, before, until
    )


def zone(timezone: str) -> ZoneInfo:
    """Raises ConfigurationError for a name that the IANA database does not know."""
    try:
        return ZoneInfo(timezone)
    except (KeyError, OSError, ValueError):
        raise ConfigurationError(
            f"time zone '{timezone}' is unknown; use an IANA name such as 'Europe/Berlin'"
        ) from None


def _months(name: str, year: int, month: int, count: int) -> Days:
    return Days(name, date(year, month, 1), _shifted(year, month, count), _shifted(year, month, -count))


def _shifted(year: int, month: int, by: int) -> date:
    total = year * _MONTHS + month - 1 + by
    return date(total // _MONTHS, total % _MONTHS + 1, 1)


def _midnight(day: date, timezone: str) -> int:
    return int(datetime(day.year, day.month, day.day, tzinfo=zone(timezone)).timestamp()) * NANO


def _name_before(days: Days) -> str:
    """In the same form as the period's own."""
    before = days.before
    if _QUARTER.fullmatch(days.name):
        return f"{before.year:04d}-Q{(before.month + 2) // 3}"
    if _WEEK.fullmatch(days.name):
        year, week, _ = before.isocalendar()
        return f"{year:04d}-W{week:02d}"
    if _MONTH.fullmatch(days.name):
        return f"{before:%Y-%m}"
    if re.fullmatch(r"\d{4}", days.name):
        return f"{before.year:04d}"
    last = days.first - timedelta(days=1)
    return f"{before}" if last == before else f"{before} to {last}"
