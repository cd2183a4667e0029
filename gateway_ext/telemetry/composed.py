"""What telemetry is made of. Apart from what opens it, as OpenTelemetry's SDK takes a tenth of a second to import."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any, Protocol

from opentelemetry.sdk.metrics import AlwaysOffExemplarFilter, Counter, Histogram, MeterProvider, ObservableGauge
from opentelemetry.sdk.metrics.export import CardinalityLimits, InMemoryMetricReader, MetricReader
from opentelemetry.sdk.resources import Resource
from starlette.types import ASGIApp

from gateway_ext import limits
from gateway_ext.audit.outputs.headers import headers_in, no_headers
from gateway_ext.errors import ConfigurationError
from gateway_ext.ports import PolicySource, Spending
from gateway_ext.settings import Settings, Traces
from gateway_ext.telemetry.exchanges import Exchanges
from gateway_ext.telemetry.follower import Follower
from gateway_ext.telemetry.observing import Gauges
from gateway_ext.telemetry.push import Push, Transport
from gateway_ext.telemetry.spans import is_sampled
from gateway_ext.telemetry.telemetry import Telemetry
from gateway_ext.telemetry.transports import GrpcTransport, HttpTransport

_SLACK_SECONDS = 60.0  # a hold is swept some seconds after its time to live
_SERIES: CardinalityLimits = {
    Counter: limits.METRIC_SERIES_MAX,
    Histogram: limits.METRIC_SERIES_MAX,
    ObservableGauge: limits.METRIC_SERIES_MAX,
}


class Clock(Protocol):
    def now_unix_nano(self) -> int: ...
    def monotonic_ns(self) -> int: ...
    def new_id(self) -> str: ...


Work = Callable[[], Coroutine[Any, Any, None]]


@asynccontextmanager
async def composed_telemetry(
    settings: Settings, policy: PolicySource, spending: Spending, clock: Clock
) -> AsyncIterator[tuple[dict[str, Work], ASGIApp | None]]:
    """What is to be run, by its name, and what is to be served. Raises ConfigurationError."""
    async with AsyncExitStack() as stack:
        readers: list[MetricReader] = []
        pushed = InMemoryMetricReader(cardinality_limits=_SERIES)
        if settings.metrics_seconds > 0:
            readers.append(pushed)
        scrape = None
        if settings.metrics_address:
            from gateway_ext.telemetry.scrape import Scrape  # noqa: PLC0415  (for those who are scraped)

            scrape = Scrape(_SERIES)
            readers.append(scrape.reader)
        provider = MeterProvider(readers, _resource(clock), AlwaysOffExemplarFilter(), shutdown_on_exit=False)
        if readers:
            stack.callback(provider.shutdown)
        telemetry = await asyncio.to_thread(_telemetry, settings, policy, spending, clock, provider)
        work: dict[str, Work] = {"follow": telemetry.follow}
        if settings.metrics_seconds > 0 or settings.traces is not Traces.NONE:
            push = Push(_transport(settings))
            stack.push_async_callback(push.close)
            if settings.metrics_seconds > 0:
                work["push metrics"] = partial(telemetry.push_metrics, push, pushed, settings.metrics_seconds)
            if settings.traces is not Traces.NONE:
                work["push spans"] = partial(telemetry.push_spans, push)
        yield work, scrape.pages(telemetry.refresh) if scrape is not None else None


def _telemetry(
    settings: Settings, policy: PolicySource, spending: Spending, clock: Clock, provider: MeterProvider
) -> Telemetry:
    """Follows the trail from here on. Blocks."""
    layout = settings.layout
    return Telemetry(
        Follower(layout.spool),
        Exchanges(lambda: policy.current().budget.hold_ttl_seconds + _SLACK_SECONDS, limits.TELEMETRY_EXCHANGES_MAX),
        Gauges(layout.spool, layout.trees, settings.spool_bytes_max, policy, spending, clock),
        provider,
        clock,
        partial(is_sampled, traces=settings.traces, ratio=settings.traces_ratio),
    )


def _transport(settings: Settings) -> Transport:
    if not settings.otlp_endpoint:
        raise ConfigurationError(
            "metrics_seconds and traces send to the collector: set otlp_endpoint, or leave them out "
            "(metrics_address needs none)"
        )
    headers = headers_in(Path(settings.otlp_headers_file)) if settings.otlp_headers_file else no_headers
    kind = HttpTransport if settings.otlp_protocol == "http" else GrpcTransport
    return kind(settings.otlp_endpoint, settings.otlp_ca_file, headers)


def _resource(clock: Clock) -> Resource:
    return Resource({"service.name": "gateway-ext", "service.instance.id": clock.new_id()})
