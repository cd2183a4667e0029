"""Windows of budgets: calendar ones begin at local midnight, wherever daylight saving puts that (IANA tz database).

A rolling window has no beginning. It is counted in buckets, so that a ledger adds up a few sums instead of a history: the
bucket of the moment and ROLLING_BUCKETS before it, which is never less than the window and at most one bucket more; and as
many after it, in which requests may already have been granted when one that was asked before them comes late.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from functools import lru_cache
from zoneinfo import ZoneInfo

from gateway_ext.errors import ConfigurationError

NANOSECONDS = 1_000_000_000
ROLLING_BUCKETS = 24
MONTHS = 12


class Calendar(StrEnum):
    """`year` and `quarter` go by the fiscal year. `total` never ends."""

    DAY = "day"
    WEEK = "week"  # ISO 8601: from Monday
    MONTH = "month"
    QUARTER = "quarter"
    YEAR = "year"
    ROLLING = "rolling"
    TOTAL = "total"


@dataclass(frozen=True, slots=True)
class Window:
    """`year_begins_in` is the first month of the fiscal year, `length_seconds` that of a rolling window."""

    calendar: Calendar = Calendar.MONTH
    timezone: str = "UTC"
    year_begins_in: int = 1
    length_seconds: int = 0

    def __str__(self) -> str:
        return f"{self.calendar} {self.length_seconds} s" if self.length_seconds else str(self.calendar)


@dataclass(frozen=True, slots=True)
class Period:
    """A window at a moment. `ends_in_seconds` are whole, rounded up and never 0; None: it never ends.

    `others` are the keys of what counts as well (rolling windows), `before` is that of the period before this one ("": none).
    `began_seconds_ago` is None where there is no beginning (rolling, total).
    """

    key: str
    ends_in_seconds: int | None
    before: str = ""
    others: tuple[str, ...] = ()
    began_seconds_ago: int | None = None


def period(window: Window, now_unix_nano: int) -> Period:
    """The period of `window` that holds this moment. Raises ConfigurationError for an unknown time zone."""
    # Nothing begins within a second, and a busy gateway asks a thousand times in one.
    return _period(window, now_unix_nano // NANOSECONDS)


@lru_cache(maxsize=256)
def _period(window: Window, now_seconds: int) -> Period:
    match window.calendar:
        case Calendar.TOTAL:
            return Period("total", None)
        case Calendar.ROLLING:
            return _rolling(window.length_seconds, now_seconds)
    zone = _zone(window.timezone)
    today = datetime.fromtimestamp(now_seconds, zone).date()
    first, following = _bounds(window, today)
    # A midnight that daylight saving skips or repeats: fold=0 gives the moment of the jump, or the first of the two.
    began_seconds, ends_seconds = (
        int(datetime(day.year, day.month, day.day, tzinfo=zone).timestamp()) for day in (first, following)
    )
    before, _ = _bounds(window, first - timedelta(days=1))
    return Period(
        _key(window, first),
        ends_seconds - now_seconds,
        _key(window, before),
        began_seconds_ago=now_seconds - began_seconds,
    )


def _bounds(window: Window, day: date) -> tuple[date, date]:
    """The first days of the period that holds `day` and of the one after it."""
    match window.calendar:
        case Calendar.DAY:
            return day, day + timedelta(days=1)
        case Calendar.WEEK:
            monday = day - timedelta(days=day.weekday())
            return monday, monday + timedelta(days=7)
    months = {Calendar.MONTH: 1, Calendar.QUARTER: 3, Calendar.YEAR: MONTHS}[window.calendar]
    since_year_began = (day.month - window.year_begins_in) % MONTHS
    first = _shifted(day.replace(day=1), -(since_year_began % months))
    return first, _shifted(first, months)


def _shifted(first_of_month: date, months: int) -> date:
    count = first_of_month.year * MONTHS + first_of_month.month - 1 + months
    return date(count // MONTHS, count % MONTHS + 1, 1)


def _key(window: Window, first: date) -> str:
    """Sorts as time goes within one kind of window. A fiscal year has the number of the calendar year it begins in."""
    match window.calendar:
        case Calendar.DAY:
            return first.isoformat()
        case Calendar.WEEK:
            year, week, _ = first.isocalendar()
            return f"{year:04d}-W{week:02d}"
        case Calendar.MONTH:
            return f"{first.year:04d}-{first.month:02d}"
    fiscal_year = first.year - (first.month < window.year_begins_in)
    name = f"{fiscal_year:04d}" if window.year_begins_in == 1 else f"FY{fiscal_year:04d}"
    if window.calendar is Calendar.YEAR:
        return name
    return f"{name}-Q{(first.month - window.year_begins_in) % MONTHS // 3 + 1}"


def _rolling(length_seconds: int, now_seconds: int) -> Period:
    bucket_seconds = -(-length_seconds // ROLLING_BUCKETS)
    number = now_seconds // bucket_seconds
    keys = [f"{length_seconds}s-{number + away:012d}" for away in range(-ROLLING_BUCKETS, ROLLING_BUCKETS + 1)]
    key = keys.pop(ROLLING_BUCKETS)
    return Period(key, (number + 1) * bucket_seconds - now_seconds, others=tuple(keys))


def rolling_bucket(key: str) -> tuple[int, int] | None:
    """Length in seconds and number of the bucket that a rolling window's key names; None for keys of other windows."""
    length, mark, number = key.partition("s-")
    return (int(length), int(number)) if mark and length.isdecimal() and number.isdecimal() else None


def _zone(timezone: str) -> ZoneInfo:
    try:
        return ZoneInfo(timezone)
    except (KeyError, OSError, ValueError) as error:  # for a name that is absent, a folder, malformed
        raise ConfigurationError(
            f"time zone '{timezone}' is unknown; use an IANA name such as 'Europe/Berlin'"
        ) from error
