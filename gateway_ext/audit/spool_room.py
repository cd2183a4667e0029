"""How much room a spool has: of its own budget, which delivery gives back, and of the disk it lies on.

Measured every second and before it says no; in between, what was appended is counted. Tells of both in the log, once.
"""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import Protocol

from gateway_ext.audit.cursor import undelivered_bytes

FILL_ALARM_RATIO = 0.8
FILL_CLEAR_RATIO = 0.75  # an alarm is over here, so that it does not come and go with each batch
_MEASURE_SECONDS = 1.0

_log = logging.getLogger(__name__)


class _Clock(Protocol):
    def monotonic_ns(self) -> int: ...


class SpoolRoom:
    """Of one process directory. `bytes_max` bounds what waits for delivery, `reserve_bytes` is left free on the disk."""

    def __init__(self, directory: Path, clock: _Clock, bytes_max: int, reserve_bytes: int):
        self._directory = directory
        self._clock = clock
        self._bytes_max = bytes_max
        self._reserve_bytes = reserve_bytes
        self._appended_bytes = 0
        # As measured last, less what had been appended by then.
        self._undelivered_before_bytes = 0
        self._used_before_bytes = 0
        self._disk_bytes = 0  # 0: the file system does not tell
        self._measured_at_ns = 0
        self._is_fill_told = self._is_disk_told = False

    @property
    def fill(self) -> float:
        """What waits for delivery as a ratio of `bytes_max`; above 1.0 records are refused."""
        return (self._undelivered_before_bytes + self._appended_bytes) / self._bytes_max

    @property
    def disk_fill(self) -> float:
        """The used part of the file system, as df shows it: of what unprivileged processes may use."""
        return (self._used_before_bytes + self._appended_bytes) / self._disk_bytes if self._disk_bytes else 0.0

    def appended(self, count_bytes: int) -> None:
        self._appended_bytes += count_bytes

    def lack(self, count_bytes: int) -> str:
        """Why so many bytes more have no room; "" when they have. Raises OSError."""
        if self._lack(count_bytes):
            self.measure()
        return self._lack(count_bytes)

    def measure(self) -> None:
        """Learn what was delivered, and how full the disk is. Errs on the high side of what is appended. Raises OSError."""
        self._measured_at_ns = self._clock.monotonic_ns()
        appended_bytes = self._appended_bytes
        disk = os.statvfs(self._directory)
        self._undelivered_before_bytes = undelivered_bytes(self._directory) - appended_bytes
        used_bytes = (disk.f_blocks - disk.f_bfree) * disk.f_frsize
        self._used_before_bytes = used_bytes - appended_bytes
        self._disk_bytes = used_bytes + disk.f_bavail * disk.f_frsize if disk.f_blocks else 0

    def watch(self) -> None:
        """Measure when a second has passed, and tell of what has become scarce, or is no longer."""
        if self._clock.monotonic_ns() - self._measured_at_ns < _MEASURE_SECONDS * 1e9:
            return
        try:
            self.measure()
        except OSError as error:  # what is known errs on the high side
            _log.warning("spool %s: cannot be measured (%s)", self._directory, error.strerror)
        self._tell_fill(self.fill)
        self._tell_disk(self.disk_fill)

    def _lack(self, count_bytes: int) -> str:
        if self._undelivered_before_bytes + self._appended_bytes + count_bytes > self._bytes_max:
            return f"{self._bytes_max} bytes wait for delivery"
        used_bytes = self._used_before_bytes + self._appended_bytes + count_bytes
        if self._disk_bytes and used_bytes + self._reserve_bytes > self._disk_bytes:
            return f"less than {self._reserve_bytes} bytes are free on its disk"
        return ""

    def _tell_fill(self, ratio: float) -> None:
        if ratio >= FILL_ALARM_RATIO and not self._is_fill_told:
            _log.warning("spool %s: %.0f %% full; is the collector reachable?", self._directory, 100 * ratio)
        elif ratio < FILL_CLEAR_RATIO and self._is_fill_told:
            _log.warning("spool %s: less full again", self._directory)
        self._is_fill_told = _is_told(ratio, was_told=self._is_fill_told)

    def _tell_disk(self, ratio: float) -> None:
        if ratio >= FILL_ALARM_RATIO and not self._is_disk_told:
            _log.warning("spool %s: its disk is %.0f %% full", self._directory, 100 * ratio)
        elif ratio < FILL_CLEAR_RATIO and self._is_disk_told:
            _log.warning("spool %s: its disk is less full again", self._directory)
        self._is_disk_told = _is_told(ratio, was_told=self._is_disk_told)


def _is_told(ratio: float, *, was_told: bool) -> bool:
    return ratio >= (FILL_CLEAR_RATIO if was_told else FILL_ALARM_RATIO)
