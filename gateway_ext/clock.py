"""The only file that reads time or makes ids. Everything else is given a Clock."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SystemClock:
    """Wall-clock time for records and windows, monotonic time for durations, random ids."""

    def now_unix_nano(self) -> int:
        return time.time_ns()

    def monotonic_ns(self) -> int:
        return time.monotonic_ns()

    def new_id(self) -> str:
        """128 random bits as 32 hexadecimal digits."""
        return os.urandom(16).hex()
