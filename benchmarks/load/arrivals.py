"""A constant arrival rate, kept by the kernel: timers of event loops are rounded to milliseconds, which is what we measure."""

from __future__ import annotations

import ctypes
import os
import struct
from types import TracebackType

_LIBC = ctypes.CDLL(None, use_errno=True)
_CLOCK_MONOTONIC = 1  # that of time.perf_counter()
_NANO = 1_000_000_000


class Arrivals:
    """A file descriptor that is readable when requests have become due (timerfd_create(2)). Raises OSError."""

    def __init__(self, rate: float) -> None:
        self._descriptor: int = _LIBC.timerfd_create(_CLOCK_MONOTONIC, os.O_NONBLOCK | os.O_CLOEXEC)
        if self._descriptor < 0:
            raise OSError(ctypes.get_errno(), "timerfd_create")
        seconds, nanoseconds = divmod(round(_NANO / rate), _NANO)
        timer = struct.pack("4l", seconds, nanoseconds, seconds, nanoseconds)  # struct itimerspec: interval, first
        if _LIBC.timerfd_settime(self._descriptor, 0, timer, None) < 0:
            raise OSError(ctypes.get_errno(), "timerfd_settime")

    def __enter__(self) -> Arrivals:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        os.close(self._descriptor)

    def fileno(self) -> int:
        return self._descriptor

    def take(self) -> int:
        """How many have become due since the last call."""
        try:
            return int(struct.unpack("Q", os.read(self._descriptor, 8))[0])
        except BlockingIOError:
            return 0
