"""Background tasks that outlive the stream that started them: settling money must not die with a client's connection."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from typing import Any

_log = logging.getLogger(__name__)


class TaskSet:
    """Holds its tasks, so that none is garbage-collected half-way, and waits for them on shutdown."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[Any]] = set()

    def start(self, work: Coroutine[Any, Any, Any], *, name: str) -> None:
        task = asyncio.get_running_loop().create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._finished)

    def _finished(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            # The type only: an exception's text might carry what it failed on.
            _log.error("background task '%s' failed: %s", task.get_name(), type(error).__name__)

    async def drain(self, timeout_seconds: float) -> None:
        """Wait for all tasks; those that are not done by then are cancelled."""
        if self._tasks:
            _, late = await asyncio.wait(set(self._tasks), timeout=timeout_seconds)
            for task in late:
                task.cancel()
