"""Metrics agree with the audit trail: whatever the order in which records are read, sums are sums over the records."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader

from gateway_ext.audit.encoding import Event
from gateway_ext.audit.events import EventName
from gateway_ext.exchange import Usage
from gateway_ext.telemetry import names
from gateway_ext.telemetry.exchanges import Exchanges
from gateway_ext.telemetry.measures import Measures
from gateway_ext.telemetry.names import Metric
from tests.unit.telemetry.trail_records import ADA, ENDED, FORWARDED, IBAN, REFUSED, SETTLED, event

FOREVER_NS = 2**62
TOKENS = st.integers(0, 10**6)


@st.composite
def exchanges(draw: st.DrawFn, number: int) -> list[Event]:
    """The records of one exchange, in the order they were written."""
    exchange_id = f"{number:032x}"
    common: dict[str, Any] = {
        "exchange_id": exchange_id,
        "model": draw(st.sampled_from(["assistant", "coder"])),
        "principal": replace(ADA, team=draw(st.sampled_from(["sales", "ops"]))),
    }
    if draw(st.booleans()):
        return [event(replace(REFUSED, **common, reason=draw(st.sampled_from(["rate_limited", "budget_exhausted"]))))]
    decided = replace(FORWARDED, **common, hold_id=exchange_id, findings=(IBAN,) * draw(st.integers(0, 3)))
    told = replace(
        SETTLED,
        outcome=replace(
            ENDED,
            exchange_id=exchange_id,
            hold_id=exchange_id,
            attempts=draw(st.integers(0, 3)),
            duration_ns=draw(st.integers(0, 10**11)),
        ),
        usage=draw(st.builds(Usage, TOKENS, TOKENS) | st.none()),
        cost_nano=draw(st.integers(0, 10**15)),
    )
    records = [event(decided)]
    records += [event(told)] if draw(st.booleans()) else []
    records += (
        [event(replace(told, outcome=replace(told.outcome, flags=("corrected",))))] if draw(st.booleans()) else []
    )
    return records


@st.composite
def trails(draw: st.DrawFn) -> list[Event]:
    """The records of some exchanges, as several processes' logs may be read: in any order at all."""
    found = [each for number in range(draw(st.integers(0, 6))) for each in draw(exchanges(number))]
    return draw(st.permutations(found))


def measured(trail: list[Event], open_max: int) -> dict[str, Any]:
    """Data points by the metric's name, after everything has ended."""
    reader = InMemoryMetricReader()
    provider = MeterProvider([reader], shutdown_on_exit=False)
    measures, under_way = Measures(provider.get_meter("test")), Exchanges(lambda: 60.0, open_max)
    for each in trail:
        measures.record(each)
        for ended in under_way.take(each, 0):
            measures.ended(ended)
    for ended in under_way.expire(FOREVER_NS):
        measures.ended(ended)
    data = reader.get_metrics_data()
    found = {
        metric.name: list(metric.data.data_points)
        for of_resource in (data.resource_metrics if data else ())
        for of_scope in of_resource.scope_metrics
        for metric in of_scope.metrics
    }
    provider.shutdown()
    return found


def sums(found: dict[str, Any], metric: Metric, by: str) -> Counter[str]:
    total: Counter[str] = Counter()
    for point in found.get(metric.name, ()):
        total[point.attributes[by]] += point.sum if metric in names.HISTOGRAMS else point.value
    return total


@settings(max_examples=40, deadline=None)
@given(trails(), st.integers(1, 10))
def test_sums_of_metrics_are_sums_over_the_records(trail: list[Event], open_max: int) -> None:
    found = measured(trail, open_max)
    decided = [each.decision for each in trail if each.WhichOneof("body") == "decision"]
    ended = [each.outcome for each in trail if each.name == EventName.OUTCOME_SETTLED]
    told = [each for each in ended if "corrected" not in each.flags]
    assert sums(found, names.RECORDS, names.EVENT) == Counter(each.name for each in trail)
    assert sums(found, names.REQUESTS, names.TEAM) == Counter(each.principal.team for each in decided)
    assert sums(found, names.FINDINGS, names.DETECTOR)["iban"] == sum(len(each.findings) for each in decided)
    assert sum(sums(found, names.ATTEMPTS, names.PROVIDER).values()) == sum(each.attempts for each in told)
    charged = sums(found, names.COST, "gateway.budget.currency")["EUR"]
    assert round(charged * 1e9) == sum(each.cost_nano for each in told)
    tokens = sums(found, names.TOKEN_USAGE, names.TOKEN_TYPE)
    assert tokens["input"] == sum(each.input_tokens for each in told)
    assert tokens["output"] == sum(each.output_tokens for each in told)
    lasted = sum(sums(found, names.DURATION, names.PROVIDER).values())
    assert round(lasted * 1e3) == round(sum(each.duration_ns for each in told) / 1e6)
