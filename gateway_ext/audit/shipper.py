"""Ships every process's spool to every output. Runs in the control process, beside none or many writers."""

from __future__ import annotations

import asyncio
import logging
import os
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Protocol

from gateway_ext import limits
from gateway_ext.audit.delivery import Exporter
from gateway_ext.audit.enrolment import enrol
from gateway_ext.audit.exclusive import lock_exclusively
from gateway_ext.audit.lane import Lane, LaneStatus
from gateway_ext.audit.releasing import Retire, release
from gateway_ext.audit.segments import delete_segment, process_directories

_POLL_SECONDS = 1.0  # in which records gather to a batch: each batch costs a message, and two fsyncs for its cursor

_log = logging.getLogger(__name__)


class _Clock(Protocol):
    def monotonic_ns(self) -> int: ...


class Shipper:
    """To each of `outputs`, by its name: at least once, in order per process, nothing skipped, each at its own pace. A
    receiver removes duplicates by the record's id.

    A process whose record is rejected for good waits (`status` names the record); the others go on, and so do the other
    outputs. Segments that every output has are retired (by default deleted) below `kept_from`, of each directory.
    """

    def __init__(
        self,
        spool_root: Path,
        outputs: Mapping[str, Exporter],
        clock: _Clock,
        retry_seconds_max: float = limits.SHIP_RETRY_SECONDS_MAX,
        kept_from: Callable[[Path], int] = lambda _: sys.maxsize,
        retire: Retire = delete_segment,
    ):
        self._spool_root = spool_root
        self._outputs = outputs
        self._clock = clock
        self._retry_seconds_max = retry_seconds_max
        self._kept_from = kept_from
        self._retire = retire
        self._releasing = threading.Lock()
        self._enrolling = asyncio.Lock()
        self._lanes: dict[Path, dict[str, Lane]] = {}

    @property
    def shipped(self) -> int:
        """Records of all processes that every output has, since it is one."""
        statuses = self.status()
        return sum(
            min(each.cursor.records for each in statuses if each.process == process)
            for process in {each.process for each in statuses}
        )

    @property
    def lag_bytes(self) -> int:
        """What waits for the slowest output, of all processes. Raises OSError."""
        statuses = self.status()
        return sum(
            max(each.lag_bytes for each in statuses if each.process == process)
            for process in {each.process for each in statuses}
        )

    def status(self) -> tuple[LaneStatus, ...]:
        """One entry per process directory seen so far and output. Raises OSError."""
        return tuple(lane.status() for lanes in self._lanes.values() for lane in lanes.values())

    async def run(self) -> None:
        """Ship until cancelled. Raises ConfigurationError when another shipper works on this spool."""
        self._spool_root.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = lock_exclusively(self._spool_root / "shipper.lock", "audit shipper")
        try:
            async with asyncio.TaskGroup() as tasks:
                for output in self._outputs:
                    tasks.create_task(self._ship(output), name=f"ship to {output}")
        finally:
            os.close(lock)

    async def step(self) -> bool:
        """One batch of every process that has one, to every output. Whether there is more to do at once."""
        return any([await self._step(output) for output in self._outputs])

    async def _ship(self, output: str) -> None:
        while True:
            if not await self._step(output):
                await asyncio.sleep(_POLL_SECONDS)

    async def _step(self, output: str) -> bool:
        lanes, new = await asyncio.to_thread(self._look, output)
        if new:
            await self._enrol(new)
            lanes, _ = await asyncio.to_thread(self._look, output)
        is_busy = False
        for lane in lanes:
            is_busy |= await lane.step(self._clock.monotonic_ns() / 1e9)
        return is_busy

    def _look(self, output: str) -> tuple[list[Lane], list[Path]]:
        """The lanes in which there is something to do, and directories that have none yet. Blocks."""
        directories = process_directories(self._spool_root)
        lanes = [lanes[output] for lanes in list(self._lanes.values()) if lanes[output].has_news()]
        return lanes, [directory for directory in directories if directory not in self._lanes]

    async def _enrol(self, directories: Sequence[Path]) -> None:
        async with self._enrolling:
            for directory in directories:
                if directory in self._lanes:  # the task of another output was faster
                    continue
                try:
                    await asyncio.to_thread(enrol, directory, self._outputs)
                    self._lanes[directory] = {
                        output: Lane(directory, output, exporter, self._retry_seconds_max, self._release)
                        for output, exporter in self._outputs.items()
                    }
                except OSError as error:  # tried again with the next step
                    _log.error("audit records of '%s' cannot be shipped yet (%s)", directory.name, error.strerror)

    def _release(self, directory: Path) -> None:
        with self._releasing:
            release(directory, self._kept_from, self._retire)
