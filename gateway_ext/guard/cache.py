"""Matches by text: chats send their whole history again with every turn."""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Match:
    """A confirmed value in a text: places and fingerprint only. `detector` is an index."""

    detector: int
    start: int
    end: int
    confidence: float
    fingerprint: str


class MatchCache:
    """Least recently used first out. An entry of n matches weighs n + 1; all together at most `weight_max`."""

    def __init__(self, weight_max: int) -> None:
        self._weight_max = weight_max
        self._weight = 0
        self._entries: OrderedDict[bytes, tuple[Match, ...]] = OrderedDict()
        self._lock = threading.Lock()  # large texts are scanned in threads

    def get(self, key: bytes) -> tuple[Match, ...] | None:
        with self._lock:
            matches = self._entries.get(key)
            if matches is not None:
                self._entries.move_to_end(key)
            return matches

    def put(self, key: bytes, matches: tuple[Match, ...]) -> None:
        with self._lock:
            replaced = self._entries.pop(key, None)
            self._weight += len(matches) + 1 - (0 if replaced is None else len(replaced) + 1)
            self._entries[key] = matches
            while self._weight > self._weight_max:
                _, evicted = self._entries.popitem(last=False)
                self._weight -= len(evicted) + 1
