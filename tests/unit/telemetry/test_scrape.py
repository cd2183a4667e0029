"""What Prometheus scrapes: read by its own parsers, in both formats."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.resources import Resource
from prometheus_client import Metric
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text

from gateway_ext.telemetry import names
from gateway_ext.telemetry.exchanges import Exchange
from gateway_ext.telemetry.measures import Measures
from gateway_ext.telemetry.scrape import Scrape
from tests.unit.telemetry.trail_records import FORWARDED, SETTLED, event

OPENMETRICS = "application/openmetrics-text; version=1.0.0"
Parse = Callable[[str], Iterable[Metric]]


@pytest.fixture
def world() -> Any:
    scrape, refreshed = Scrape({}), []

    async def refresh() -> None:
        refreshed.append(True)

    provider = MeterProvider([scrape.reader], Resource({"service.name": "gateway-ext"}), shutdown_on_exit=False)
    yield SimpleNamespace(
        measures=Measures(provider.get_meter("test")), pages=scrape.pages(refresh), refreshed=refreshed
    )
    provider.shutdown()


async def scraped(world: Any, accept: str = "") -> httpx.Response:
    transport = httpx.ASGITransport(app=world.pages)
    async with httpx.AsyncClient(transport=transport, base_url="http://metrics") as client:
        return await client.get("/metrics", headers={"accept": accept})


@pytest.mark.parametrize(
    ("accept", "content_type", "parse"),
    [("", "text/plain; version=0.0.4", parse_text), (OPENMETRICS, "application/openmetrics-text", parse_openmetrics)],
)
async def test_both_formats_can_be_read(world: Any, accept: str, content_type: str, parse: Parse) -> None:
    decided, told = event(FORWARDED), event(SETTLED)
    for each in (decided, told):
        world.measures.record(each)
    world.measures.ended(Exchange(decided, told))
    answer = await scraped(world, accept)
    assert answer.headers["content-type"].startswith(content_type)
    samples = {sample.name: sample for family in parse(answer.text) for sample in family.samples if sample.value}
    assert samples["gateway_cost_total"].value == pytest.approx(0.012345678)
    assert samples["gateway_cost_total"].labels["gateway_principal_team"] == "sales"
    assert samples["gen_ai_client_token_usage_sum"].value > 0
    assert samples["gen_ai_client_operation_duration_seconds_count"].value == 1
    assert samples["target_info"].labels["service_name"] == "gateway-ext"
    assert not any(name.startswith(("python_", "process_", "otel_")) for name in samples)
    assert world.refreshed == [True]


async def test_nothing_else_is_there(world: Any) -> None:
    transport = httpx.ASGITransport(app=world.pages)
    async with httpx.AsyncClient(transport=transport, base_url="http://metrics") as client:
        assert (await client.get("/")).status_code == 404
        assert (await client.post("/metrics")).status_code == 405


async def test_every_metric_is_called_as_it_is_documented() -> None:
    scrape = Scrape({})
    provider = MeterProvider([scrape.reader], shutdown_on_exit=False)
    meter = provider.get_meter("test")
    for metric in names.COUNTERS:
        meter.create_counter(metric.name, metric.unit, metric.description).add(1)
    for metric in names.HISTOGRAMS:
        meter.create_histogram(metric.name, metric.unit, metric.description).record(1)
    for metric in names.GAUGES:
        meter.create_gauge(metric.name, metric.unit, metric.description).set(1)
    answer = await scraped(SimpleNamespace(pages=scrape.pages(nothing)))
    provider.shutdown()
    exist = {f"{each.name}_total" if each.type == "counter" else each.name for each in parse_text(answer.text)}
    document = (Path(__file__).parents[3] / "docs" / "telemetry.md").read_text()
    rows = re.findall(r"^\| `([a-z_.]+)` \| `([a-z_]+)` \| (?:counter|gauge|histogram) \|", document, re.MULTILINE)
    assert {name for name, _ in rows} == {each.name for each in (*names.COUNTERS, *names.HISTOGRAMS, *names.GAUGES)}
    assert {name for _, name in rows} == exist - {"target_info", "target"}
    labels = r"\{[^}]*\}|(?:by|on) \([^)]*\)"
    alarms = re.findall(
        r"\bgateway_[a-z_]+", re.sub(labels, "", document.partition("## Alerts")[2].partition("## ")[0])
    )
    assert len(alarms) > 8
    assert set(alarms) <= exist


async def nothing() -> None:
    pass
