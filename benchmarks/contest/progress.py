"""What a long run is doing, and how long it will take: one line on a terminal, else one for each title."""

from __future__ import annotations

import sys
import time

BAR_CHARACTERS = 24


class Progress:
    """`planned_seconds` is what all steps together are thought to take; time left goes by how true that has been so far."""

    def __init__(self, planned_seconds: float) -> None:
        self._planned = planned_seconds
        self._done = 0.0
        self._began = time.monotonic()
        self._title = ""

    def step(self, title: str, what: str, seconds: float) -> None:
        """A step begins that is thought to take so many seconds."""
        if sys.stderr.isatty():
            bar = "#" * round(BAR_CHARACTERS * min(1.0, self._done / self._planned))
            line = f"[{bar:<{BAR_CHARACTERS}}] {self.left_seconds() / 60:3.0f} min left  {title}: {what}"
            print(f"\r\033[K{line}", end="", file=sys.stderr, flush=True)
        elif title != self._title:
            print(f"{self.left_seconds() / 60:3.0f} min left  {title}", file=sys.stderr, flush=True)
        self._title = title
        self._done += seconds

    def left_seconds(self) -> float:
        pace = (time.monotonic() - self._began) / self._done if self._done else 1.0
        return max(0.0, self._planned - self._done) * max(1.0, pace)

    def close(self) -> None:
        if sys.stderr.isatty():
            print("\r\033[K", end="", file=sys.stderr, flush=True)
