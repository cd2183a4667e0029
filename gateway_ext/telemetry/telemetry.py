"""Telemetry of the gateway, made of the audit trail in the control process: the request path pays nothing for it."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from typing import Protocol

from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import ReadableSpan

from gateway_ext import limits
from gateway_ext.audit.encoding import Event
from gateway_ext.telemetry import names
from gateway_ext.telemetry.exchanges import Exchange, Exchanges
from gateway_ext.telemetry.follower import Follower
from gateway_ext.telemetry.measures import Measures
from gateway_ext.telemetry.observing import Gauges
from gateway_ext.telemetry.push import NotTakenError, Push
from gateway_ext.telemetry.spans import span

FOLLOW_SECONDS = 0.5
SPANS_AT_ONCE = 512

_log = logging.getLogger(__name__)


class _Clock(Protocol):
    def monotonic_ns(self) -> int: ...


class Telemetry:
    """Follows the trail and measures it; `run` does so until cancelled, and sends what is to be sent.

    `is_traced` says which exchanges become spans. A collector that does not take them costs spans, never a request.
    """

    def __init__(
        self,
        follower: Follower,
        exchanges: Exchanges,
        gauges: Gauges,
        provider: MeterProvider,
        clock: _Clock,
        is_traced: Callable[[Event], bool],
    ) -> None:
        self._follower, self._exchanges, self._gauges, self._clock = follower, exchanges, gauges, clock
        self._is_traced = is_traced
        meter = provider.get_meter(names.SCOPE)
        self._measures = Measures(meter)
        gauges.register(meter)
        self._missed = 0
        self._waiting: deque[ReadableSpan] = deque(maxlen=limits.TELEMETRY_SPANS_WAITING_MAX)
        self._complaints: dict[str, str] = {}  # what was last told in the log, until it is over

    async def follow(self) -> None:
        """Read and measure until cancelled."""
        while True:
            try:
                is_busy = await asyncio.to_thread(self.step)
                self._complain("following the audit trail", "")
            except OSError as error:
                is_busy = False
                self._complain("following the audit trail", error.strerror or type(error).__name__)
            if not is_busy:
                await asyncio.sleep(FOLLOW_SECONDS)

    def step(self) -> bool:
        """Take what has been written since, as far as it is read at once; whether there was any. Raises OSError."""
        is_busy, now_ns = False, self._clock.monotonic_ns()
        for events in self._follower.step():
            is_busy = True
            for event in events:
                self._measures.record(event)
                for exchange in self._exchanges.take(event, now_ns):
                    self._ended(exchange)
        for exchange in self._exchanges.expire(now_ns):
            self._ended(exchange)
        missed = self._follower.missed
        self._measures.missed(missed - self._missed)
        self._missed = missed
        return is_busy

    async def refresh(self) -> None:
        """Have gauges show what is so now. Whoever exports metrics calls it before."""
        await self._gauges.refresh(len(self._exchanges))

    async def push_spans(self, push: Push) -> None:
        """Send spans until cancelled, each once."""
        while True:
            while self._waiting:
                batch = [self._waiting.popleft() for _ in range(min(SPANS_AT_ONCE, len(self._waiting)))]
                taken = 0
                try:
                    taken = await push.spans(batch)
                    self._complain("spans", "" if taken == len(batch) else "some were rejected")
                except NotTakenError as error:
                    self._complain("spans", str(error))
                finally:
                    self._measures.spans(taken, len(batch) - taken)
            await asyncio.sleep(FOLLOW_SECONDS)

    async def push_metrics(self, push: Push, reader: InMemoryMetricReader, seconds: float) -> None:
        """Send all metrics every so many seconds until cancelled."""
        while True:
            await asyncio.sleep(seconds)
            await self.refresh()
            data = await asyncio.to_thread(reader.get_metrics_data)
            if data is None:
                continue
            try:
                await push.metrics(data)
                self._complain("metrics", "")
            except NotTakenError as error:  # sums go on: the next ones tell of this time, too
                self._complain("metrics", str(error))

    def _ended(self, exchange: Exchange) -> None:
        self._measures.ended(exchange)
        if exchange.decision is None or not self._is_traced(exchange.decision):
            return
        if len(self._waiting) == self._waiting.maxlen:  # the oldest goes
            self._measures.spans(0, 1)
        self._waiting.append(span(exchange.decision, exchange))

    def _complain(self, what: str, trouble: str) -> None:
        """Once an outage, and once when it is over."""
        before = self._complaints.get(what, "")
        if trouble and not before:
            _log.warning("telemetry: %s: not now (%s)", what, trouble)
        if before and not trouble:
            _log.warning("telemetry: %s: goes on", what)
        self._complaints[what] = trouble
