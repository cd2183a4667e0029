"""Calendar windows of budgets. A window begins at local midnight, wherever daylight saving puts that (IANA tz database)."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from gateway_ext.errors import ConfigurationError

NANOSECONDS = 1_000_000_000
WINDOWS = frozenset({"month"})


def window_key(window: str, timezone: str, now_unix_nano: int) -> str:
    """The window that holds this moment, e.g. `2026-11`. Raises ConfigurationError for an unknown window or zone."""
    local = _local(window, timezone, now_unix_nano)
    return f"{local.year:04d}-{local.month:02d}"


def window_ends_in_seconds(window: str, timezone: str, now_unix_nano: int) -> int:
    """Whole seconds until the next window begins, rounded up, never 0. Raises as `window_key` does."""
    local = _local(window, timezone, now_unix_nano)
    year, month = (local.year + 1, 1) if local.month == 12 else (local.year, local.month + 1)
    # A midnight that daylight saving skips or repeats: fold=0 gives the moment of the jump, or the first of the two.
    ends_unix_nano = int(datetime(year, month, 1, tzinfo=local.tzinfo).timestamp()) * NANOSECONDS
    return -((now_unix_nano - ends_unix_nano) // NANOSECONDS)


def _local(window: str, timezone: str, now_unix_nano: int) -> datetime:
    if window not in WINDOWS:
        raise ConfigurationError(f"budget window '{window}' is unknown; use 'month'")
    try:
        zone = ZoneInfo(timezone)
    except (
        KeyError,
        OSError,
        ValueError,
    ) as error:  # what zoneinfo raises for a name that is absent, a folder, malformed
        raise ConfigurationError(
            f"time zone '{timezone}' is unknown; use an IANA name such as 'Europe/Berlin'"
        ) from error
    return datetime.fromtimestamp(now_unix_nano // NANOSECONDS, zone)
