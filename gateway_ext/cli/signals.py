"""When a command ends: SIGTERM and SIGINT as an event, and a fault that leaves no sense in going on."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Callable

WATCH_SECONDS = 0.5


def stop_requested() -> asyncio.Event:
    """An event that is set by SIGTERM or SIGINT. Call on the running loop."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    return stop


async def ends_in_order(stop: asyncio.Event, has_failed: Callable[[], bool]) -> bool:
    """Wait until `stop` is set: True. False as soon as `has_failed`, which is asked every WATCH_SECONDS."""
    while not has_failed():
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(WATCH_SECONDS):
                await stop.wait()
            return True
    return False
