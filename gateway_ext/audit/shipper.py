"""Ships every process's spool to the collector. Runs in the control process, beside none or many writers."""

from __future__ import annotations

import asyncio
import logging
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from gateway_ext import limits
from gateway_ext.audit.exclusive import lock_exclusively
from gateway_ext.audit.exporter import Exporter
from gateway_ext.audit.lane import Lane, LaneStatus
from gateway_ext.audit.segments import process_directories

_POLL_SECONDS = 0.2

_log = logging.getLogger(__name__)


class _Clock(Protocol):
    def monotonic_ns(self) -> int: ...


class Shipper:
    """At least once, in order per process, nothing skipped. A receiver removes duplicates by the record's id.

    A process whose record is rejected for good waits (`status` names the record); the others go on. Delivered segments
    are deleted below `kept_from`, of each directory; by default nobody needs them any more.
    """

    def __init__(
        self,
        spool_root: Path,
        exporter: Exporter,
        clock: _Clock,
        retry_seconds_max: float = limits.SHIP_RETRY_SECONDS_MAX,
        kept_from: Callable[[Path], int] = lambda _: sys.maxsize,
    ):
        self._spool_root = spool_root
        self._exporter = exporter
        self._clock = clock
        self._retry_seconds_max = retry_seconds_max
        self._kept_from = kept_from
        self._lanes: dict[Path, Lane] = {}

    @property
    def shipped(self) -> int:
        """Acknowledged records of all processes since their directories exist."""
        return sum(status.cursor.records for status in self.status())

    @property
    def lag_bytes(self) -> int:
        return sum(status.lag_bytes for status in self.status())

    def status(self) -> tuple[LaneStatus, ...]:
        """One entry per process directory seen so far. Raises OSError."""
        return tuple(lane.status() for lane in self._lanes.values())

    async def run(self) -> None:
        """Ship until cancelled. Raises ConfigurationError when another shipper works on this spool."""
        self._spool_root.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = lock_exclusively(self._spool_root / "shipper.lock", "audit shipper")
        try:
            while True:
                if not await self.step():
                    await asyncio.sleep(_POLL_SECONDS)
        finally:
            os.close(lock)

    async def step(self) -> bool:
        """One batch of every process that has one. Whether there may be more to do at once."""
        for directory in process_directories(self._spool_root):
            if directory not in self._lanes:
                self._lanes[directory] = Lane(directory, self._exporter, self._retry_seconds_max, self._kept_from)
        is_busy = False
        for lane in self._lanes.values():
            is_busy |= await lane.step(self._clock.monotonic_ns() / 1e9)
        return is_busy
