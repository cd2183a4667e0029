"""Runs child processes together, in stages: a stage stops before the one before it, and what waits for that starts after it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path

from gateway_ext.errors import ConfigurationError
from gateway_ext.local.child import Child, Program, Status
from gateway_ext.local.child_log import ChildLog
from gateway_ext.private_files import make_private_directory

READY_SECONDS = 90.0  # without installed patterns a first start compiles them: seconds of two cores


class Supervisor:
    """Runs `stages` of programs. Use as an async context manager: inside it all were ready at least once.

    Only processes started here are ever signalled. They die with this process, whatever ends it.
    """

    def __init__(
        self,
        stages: Sequence[Sequence[Program]],
        log_dir: Path,
        on_change: Callable[[Status], None] = lambda status: None,
        shows_logs: bool = False,
        ready_seconds: float = READY_SECONDS,
    ):
        make_private_directory(log_dir)
        self._log_dir = log_dir
        self._ready_seconds = ready_seconds
        self._stages = [
            [Child(each, ChildLog(log_dir, each.name, shows_logs), on_change) for each in stage] for stage in stages
        ]
        self._running: list[list[asyncio.Task[int]]] = []  # stages, in starting order

    @property
    def _children(self) -> list[Child]:
        return [child for stage in self._stages for child in stage]

    def statuses(self) -> list[Status]:
        """Name, process id, state and restarts of each program, in starting order."""
        return [child.status for child in self._children]

    def hurry(self) -> None:
        """Kill what has not ended yet instead of waiting for it."""
        for child in self._children:
            child.hurry()

    async def __aenter__(self) -> Supervisor:
        """Start all. Raises ConfigurationError, with the last lines of its log, for the first that does not start."""
        loop = asyncio.get_running_loop()
        try:
            for stage in self._stages:
                if any(child.program.waits for child in stage):
                    await self._until_all_ready()
                self._running.append([loop.create_task(child.run()) for child in stage])
            await self._until_all_ready()
        except BaseException:
            await self._stop_all()
            raise
        return self

    async def __aexit__(self, *_exc: object) -> None:
        await self._stop_all()

    async def _until_all_ready(self) -> None:
        """Until everything that was started is ready."""
        for stage, tasks in zip(self._stages, self._running, strict=False):
            for child, running in zip(stage, tasks, strict=True):
                await self._until_ready(child, running)

    async def _until_ready(self, child: Child, running: asyncio.Task[int]) -> None:
        ready = asyncio.get_running_loop().create_task(child.was_ready.wait())
        try:
            await asyncio.wait((running, ready), timeout=self._ready_seconds, return_when=asyncio.FIRST_COMPLETED)
        finally:
            ready.cancel()
        if not child.was_ready.is_set():
            raise ConfigurationError(self._why_not(child, running))

    def _why_not(self, child: Child, running: asyncio.Task[int]) -> str:
        name = child.program.name
        if not running.done():
            why = f"{name} did not become ready within {self._ready_seconds:g} s"
        elif (error := running.exception()) is not None:
            return f"{name} cannot be started: {error}"
        else:
            why = f"{name} ended with status {running.result()} before it was ready"
        lines = "".join(f"\n  {line}" for line in child.log.tail) or "\n  (it said nothing)"
        return f"{why}; {self._log_dir / name}.log ends with:{lines}"

    async def _stop_all(self) -> None:
        for stage in reversed(self._running):
            for running in stage:
                running.cancel()
            await asyncio.gather(*stage, return_exceptions=True)
        self._running.clear()
        for child in self._children:
            child.log.close()
