"""How many changes somebody may make in a minute. Kept in this process: a new one begins anew."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from gateway_ext.console.problems import TooManyRequests
from gateway_ext.limits import NANO

CHANGES_PER_MINUTE = 30
_MINUTE_NS = 60 * NANO
_PEOPLE_MAX = 10_000


class ChangeRate:
    """At most `per_minute` within any 60 seconds, for each person. Used on one event loop."""

    def __init__(self, monotonic_ns: Callable[[], int], per_minute: int = CHANGES_PER_MINUTE) -> None:
        self._monotonic_ns = monotonic_ns
        self._per_minute = per_minute
        self._taken: dict[str, deque[int]] = {}

    def take(self, who: str) -> None:
        """Count one. Raises TooManyRequests, and does not count it then."""
        now = self._monotonic_ns()
        taken = self._taken.setdefault(who, deque())
        while taken and taken[0] <= now - _MINUTE_NS:
            taken.popleft()
        if len(taken) >= self._per_minute:
            raise TooManyRequests(1 + (taken[0] + _MINUTE_NS - now) // NANO)
        taken.append(now)
        if len(self._taken) > _PEOPLE_MAX:
            self._taken = {name: times for name, times in self._taken.items() if times[-1] > now - _MINUTE_NS}
