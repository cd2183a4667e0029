"""Changes wait their turn: the threads of the control process are for its other work, too."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path

from gateway_ext.console.context import CHANGES_AT_ONCE, Console
from tests.unit.console.office import Office


async def test_a_crowd_of_changes_takes_few_threads(tmp_path: Path) -> None:
    console: Console = Office(tmp_path).app.state.console
    begun, go_on = threading.Semaphore(0), threading.Event()

    def work() -> None:
        begun.release()
        assert go_on.wait(10)

    def wait_for_those_that_begin() -> int:
        return sum(begun.acquire(timeout=10) for _ in range(CHANGES_AT_ONCE)) + begun.acquire(timeout=0.1)

    async with asyncio.TaskGroup() as tasks:
        for _ in range(8):
            tasks.create_task(console.change(work))
        assert await asyncio.to_thread(wait_for_those_that_begin) == CHANGES_AT_ONCE
        go_on.set()
