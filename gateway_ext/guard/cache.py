"""Matches by text: chats send their whole history again with every turn."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass

from gateway_ext.guard.detector import Kind


@dataclass(frozen=True, slots=True)
class Match:
    """A confirmed value in a text: places and fingerprint only."""

    kind: Kind
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

    def get_all(self, keys: Sequence[bytes]) -> list[tuple[Match, ...] | None]:
        """As get, for each key."""
        with self._lock:
            found = [self._entries.get(key) for key in keys]
            for key, matches in zip(keys, found, strict=True):
                if matches is not None:
                    self._entries.move_to_end(key)
            return found

    def put(self, key: bytes, matches: tuple[Match, ...]) -> None:
        self.put_all([(key, matches)])

    def put_all(self, entries: Sequence[tuple[bytes, tuple[Match, ...]]]) -> None:
        with self._lock:
            for key, matches in entries:
                replaced = self._entries.pop(key, None)
                self._weight += len(matches) + 1 - (0 if replaced is None else len(replaced) + 1)
                self._entries[key] = matches
            while self._weight > self._weight_max:
                _, evicted = self._entries.popitem(last=False)
                self._weight -= len(evicted) + 1
