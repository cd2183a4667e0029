"""Metrics for Prometheus: `GET /metrics`, in its text format or OpenMetrics', whichever is asked for."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from opentelemetry.exporter.prometheus import PrometheusMetricReader
from opentelemetry.sdk.metrics.export import CardinalityLimits
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp


class Scrape:
    """`reader` belongs among the readers of a MeterProvider; `pages` shows what it collects, after `refresh`."""

    def __init__(self, cardinality_limits: CardinalityLimits) -> None:
        self._registry = CollectorRegistry()  # of its own: no figures of this Python process
        self.reader = PrometheusMetricReader(
            scope_info_enabled=False, registry=self._registry, cardinality_limits=cardinality_limits
        )

    def pages(self, refresh: Callable[[], Awaitable[None]]) -> ASGIApp:
        async def metrics(request: Request) -> Response:
            await refresh()
            encode, content_type = choose_encoder(request.headers.get("accept", ""))
            text = await asyncio.to_thread(encode, self._registry)
            return Response(text, headers={"content-type": content_type})

        return Starlette(routes=[Route("/metrics", metrics, methods=["GET"])])
