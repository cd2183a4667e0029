"""The only file that reads time or makes ids. Everything else is given a Clock."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator

_ID_BYTES = 16
_IDS_AT_ONCE = 256  # a system call for each id costs more than the id is worth


class SystemClock:
    """Wall-clock time for records and windows, monotonic time for durations, random ids. One per thread."""

    __slots__ = ("_random",)

    def __init__(self) -> None:
        self._random: Iterator[bytes] = iter(())

    def now_unix_nano(self) -> int:
        return time.time_ns()

    def monotonic_ns(self) -> int:
        return time.monotonic_ns()

    def new_id(self) -> str:
        """128 random bits as 32 hexadecimal digits."""
        for identity in self._random:
            return identity.hex()
        pool = os.urandom(_ID_BYTES * _IDS_AT_ONCE)
        self._random = (pool[at : at + _ID_BYTES] for at in range(0, len(pool), _ID_BYTES))
        return self.new_id()
