"""Moments in time, as options give them."""

from __future__ import annotations

import argparse
import re
from datetime import UTC, datetime

from gateway_ext.clock import SystemClock
from gateway_ext.limits import NANO

_AGE = re.compile(r"(\d{1,5})([mhdw])", re.ASCII)
_UNIT_SECONDS = {"m": 60, "h": 3600, "d": 86_400, "w": 604_800}


def since(text: str) -> int:
    """Type of an argument: a moment in Unix nanoseconds, given as an age (7d, 12h) or as a date (UTC unless it says)."""
    if match := _AGE.fullmatch(text):
        return SystemClock().now_unix_nano() - int(match[1]) * _UNIT_SECONDS[match[2]] * NANO
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError("must be an age such as 7d or 12h, or a date such as 2027-01-31") from None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return int(moment.timestamp()) * NANO


def shown(unix_nano: int) -> str:
    """In UTC, to the millisecond."""
    seconds, nano = divmod(unix_nano, NANO)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M:%S}.{nano // 1_000_000:03}Z"
