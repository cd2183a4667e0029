"""Brings what has been noted to its channels: each on its own, again until it is taken."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from gateway_ext.alerts.alert import Alert
from gateway_ext.alerts.sqlite_store import SqliteAlerts
from gateway_ext.errors import ConfigurationError, GatewayError

ALERTS_PER_MESSAGE = 100
SEND_SECONDS = 20.0  # of one attempt
POLL_SECONDS = 5.0  # as often as accounts are looked at
RETRY_SECONDS_MAX = 300.0

_log = logging.getLogger(__name__)


class Undelivered(GatewayError):  # noqa: N818  (a state of affairs, tried again)
    """A channel has not taken a message, as far as one can know. The text is for operators, free of content and keys."""


class Outlet(Protocol):
    async def send(self, alerts: Sequence[Alert]) -> None:
        """Have them taken, all of them, or raise Undelivered or ConfigurationError. May be cancelled at any time."""
        ...

    def close(self) -> None: ...


class Delivery:
    """`outlets` makes those of policy's channels, by name, when `version` (of policy) has changed."""

    def __init__(
        self, store: SqliteAlerts, version: Callable[[], object], outlets: Callable[[], Mapping[str, Outlet]]
    ) -> None:
        self._store = store
        self._version = version
        self._outlets = outlets
        self.taken = 0  # by all channels, since the start
        self.failures = 0

    async def run(self) -> None:
        """Deliver until cancelled. A change of policy begins anew: what was mended is tried at once."""
        while True:
            version, outlets = self._version(), self._outlets()
            try:
                async with asyncio.TaskGroup() as tasks:
                    serving = [
                        tasks.create_task(self._serve(*each), name=f"alerts to {each[0]}") for each in outlets.items()
                    ]
                    await self._changed(version)
                    for task in serving:
                        task.cancel()
            finally:
                for outlet in outlets.values():
                    outlet.close()

    async def _changed(self, version: object) -> None:
        while True:
            await asyncio.sleep(POLL_SECONDS)
            if self._version() != version:
                return

    async def _serve(self, channel: str, outlet: Outlet) -> None:
        failures = 0
        while True:
            try:
                has_more = await self._deliver(channel, outlet)
            except Exception as error:  # noqa: BLE001  (whatever it is, it is this channel's alone)
                failures += 1
                self.failures += 1
                if failures == 1:
                    _log.error(
                        "alerts do not reach channel '%s' (%s); they are kept and tried again", channel, why(error)
                    )
                await asyncio.sleep(retry_seconds(failures))
                continue
            if failures:
                _log.warning("alerts reach channel '%s' again", channel)
            failures = 0
            if not has_more:
                await asyncio.sleep(POLL_SECONDS)

    async def _deliver(self, channel: str, outlet: Outlet) -> bool:
        """Send one message, if there is something to be said; whether there may be more."""
        waiting = await asyncio.to_thread(self._store.waiting, channel, ALERTS_PER_MESSAGE)
        if not waiting:
            return False
        async with asyncio.timeout(SEND_SECONDS):
            await outlet.send([alert for _, alert in waiting])
        # Should this process end here, the channel is told once more: alerts have ids to know them by.
        await asyncio.to_thread(self._store.delivered, [sequence for sequence, _ in waiting])
        self.taken += len(waiting)
        _log.info("alert channel '%s' has taken %d alerts", channel, len(waiting))
        return len(waiting) == ALERTS_PER_MESSAGE


def retry_seconds(failures: int) -> float:
    """After so many failures in a row: 1, 2, 4, … up to RETRY_SECONDS_MAX."""
    return min(RETRY_SECONDS_MAX, 2.0 ** min(failures - 1, 10))


def why(error: Exception) -> str:
    """An exception of a library may quote what it failed on; ours do not."""
    return str(error) if isinstance(error, Undelivered | ConfigurationError) else type(error).__name__
