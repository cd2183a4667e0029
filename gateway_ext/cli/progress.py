"""A bar on a terminal's standard error for work that takes long enough to wonder."""

from __future__ import annotations

import sys
from types import TracebackType

from gateway_ext.clock import SystemClock

BAR_CHARACTERS = 30
PATIENCE_NS = 1_000_000_000
REDRAW_NS = 200_000_000


class Progress:
    """Shown after PATIENCE_NS, and gone when the context is left. Elsewhere than on a terminal nothing is shown."""

    def __init__(self, title: str, total: int) -> None:
        self._title = title
        self._total = max(total, 1)
        self._done = 0
        self._is_shown = False
        self._monotonic_ns = SystemClock().monotonic_ns
        self._is_wanted = sys.stderr.isatty()
        self._next_ns = self._monotonic_ns() + PATIENCE_NS

    def __enter__(self) -> Progress:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._is_shown:
            print("\r\033[K", end="", file=sys.stderr, flush=True)

    def advance(self, done: int) -> None:
        """`done` more of the total."""
        self._done += done
        if self._is_wanted and (now_ns := self._monotonic_ns()) >= self._next_ns:
            self._next_ns = now_ns + REDRAW_NS
            self._is_shown = True
            share = min(1.0, self._done / self._total)
            bar = "#" * int(BAR_CHARACTERS * share)
            print(f"\r{self._title} [{bar:<{BAR_CHARACTERS}}] {share:4.0%}", end="", file=sys.stderr, flush=True)
