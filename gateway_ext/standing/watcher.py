"""Keeps what is in force within a fraction of a second of the store; when it cannot, requests are refused."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path

from gateway_ext.clock import SystemClock
from gateway_ext.errors import StandingUnavailable
from gateway_ext.limits import STANDING_POLL_SECONDS
from gateway_ext.standing.directives import Directive, Measure
from gateway_ext.standing.sqlite_store import StandingStore, load
from gateway_ext.standing.standing import Standing
from gateway_ext.witnessed.follower import StoreFollower
from gateway_ext.witnessed.reader import StoreReader

_log = logging.getLogger(__name__)


class StandingWatcher(StoreFollower[list[Directive]]):
    """A StandingSource."""

    def __init__(self, path: Path, clock: SystemClock, *, poll_seconds: float = STANDING_POLL_SECONDS) -> None:
        super().__init__(StoreReader(StandingStore(path), load), clock, poll_seconds=poll_seconds)
        self._standing = Standing()
        self._change: asyncio.Future[None] | None = None

    def current(self) -> Standing:
        """What is in force. Raises StandingUnavailable."""
        if not self.is_known():
            raise StandingUnavailable
        return self._standing

    def changed(self) -> asyncio.Future[None]:
        """Done as soon as something else is in force. Ask `current` after this, not before: nothing is missed then."""
        if self._change is None:
            self._change = asyncio.get_running_loop().create_future()
        return self._change

    def _take(self, found: list[Directive]) -> None:
        self._standing = Standing.of(found, self._clock.now_unix_nano())
        counts = {measure: sum(each.target.measure is measure for each in found) for measure in Measure}
        _log.info("standing: %d revoked, %d disabled, %d stopped", *counts.values())

    def _tell(self) -> None:
        change, self._change = self._change, None
        if change is not None and not change.done():
            change.set_result(None)
