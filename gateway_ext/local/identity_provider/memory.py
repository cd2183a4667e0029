"""What is known for a short time and lost at the end of the process: codes, and tokens that ask who they are of."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

from gateway_ext.limits import NANO

ENTRIES_MAX = 1_000

T = TypeVar("T")


class ShortMemory(Generic[T]):
    """Values by key, each for `seconds`. Beyond ENTRIES_MAX the oldest goes."""

    def __init__(self, seconds: int, monotonic_ns: Callable[[], int]) -> None:
        self._seconds = seconds
        self._monotonic_ns = monotonic_ns
        self._entries: dict[str, tuple[int, T]] = {}  # with the end of their time, oldest first

    def put(self, key: str, value: T) -> None:
        while len(self._entries) >= ENTRIES_MAX:
            del self._entries[next(iter(self._entries))]
        self._entries[key] = self._monotonic_ns() + self._seconds * NANO, value

    def get(self, key: str) -> T | None:
        if (entry := self._entries.get(key)) is None or entry[0] <= self._monotonic_ns():
            return None
        return entry[1]

    def take(self, key: str) -> T | None:
        """The value, for the last time."""
        value = self.get(key)
        self._entries.pop(key, None)
        return value
