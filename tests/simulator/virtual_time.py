"""An event loop whose time is made up: nobody waits, whoever sleeps longest wakes last, and one seed gives one order of events."""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Coroutine
from typing import Any, TypeVar

Result = TypeVar("Result")


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    """For work that reads and writes nothing outside of this process."""

    def __init__(self) -> None:
        self.now_seconds = 0.0
        super().__init__(_NothingArrives(self))

    def time(self) -> float:
        return self.now_seconds

    def run(self, work: Coroutine[Any, Any, Result]) -> Result:
        return self.run_until_complete(work)

    def run_for(self, seconds: float) -> None:
        """Everything that happens within so much time."""
        self.run_until_complete(asyncio.sleep(seconds))

    def end_all(self) -> None:
        """Cancel what is under way."""
        tasks = asyncio.all_tasks(self)
        for task in tasks:
            task.cancel()
        self.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))


class _NothingArrives(selectors.SelectSelector):
    def __init__(self, loop: VirtualTimeLoop) -> None:
        super().__init__()
        self._loop = loop

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            raise AssertionError("everybody waits for somebody else")
        self._loop.now_seconds += max(0.0, timeout)
        return []
