"""Guessing passwords takes time. Pure."""

from __future__ import annotations

FAILURES_MAX = 5
WAIT_SECONDS = 30.0


class Throttle:
    """After FAILURES_MAX wrong passwords in a row for a name every further one is refused unseen for WAIT_SECONDS.

    Keeps `names` apart; all others, which nobody has, share one account, so that it stays small.
    """

    def __init__(self, names: frozenset[str]) -> None:
        self._names = names
        self._failures: dict[str, tuple[int, float]] = {}  # how many, and when the last one was

    def wait_seconds(self, name: str, now_seconds: float) -> float:
        """How long no password is looked at; 0.0: it is now."""
        count, last_seconds = self._failures.get(self._account(name), (0, 0.0))
        return max(0.0, last_seconds + WAIT_SECONDS - now_seconds) if count >= FAILURES_MAX else 0.0

    def failed(self, name: str, now_seconds: float) -> None:
        """Note a wrong password. One after a wait leads to the next wait at once."""
        count, _ = self._failures.get(self._account(name), (0, 0.0))
        self._failures[self._account(name)] = count + 1, now_seconds

    def succeeded(self, name: str) -> None:
        self._failures.pop(self._account(name), None)

    def _account(self, name: str) -> str:
        return name if name in self._names else ""
