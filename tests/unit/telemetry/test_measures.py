"""What is counted, under which names, and that no name is a person's or without bounds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader

from gateway_ext.audit.events import EventName
from gateway_ext.audit.records import AuditRecord
from gateway_ext.limits import METRIC_VALUES_MAX
from gateway_ext.telemetry import names
from gateway_ext.telemetry.exchanges import Exchange
from gateway_ext.telemetry.measures import Measures
from gateway_ext.telemetry.names import Metric
from tests.unit.telemetry.trail_records import (
    ADA,
    ADDRESS,
    CREDENTIAL,
    EMAIL,
    ENDED,
    EXCHANGE_ID,
    FORWARDED,
    INSPECTED,
    REFUSED,
    SETTLED,
    SUBJECT,
    event,
    outcome,
)


class World:
    """Measures, and what came of them."""

    def __init__(self) -> None:
        self._reader = InMemoryMetricReader()
        self._provider = MeterProvider([self._reader], shutdown_on_exit=False)
        self.measures = Measures(self._provider.get_meter("test"))

    def record(self, *records: AuditRecord) -> None:
        for each in records:
            self.measures.record(event(each))

    def ended(self, decision: AuditRecord | None, ended: AuditRecord | None) -> None:
        found = (event(each) if each is not None else None for each in (decision, ended))
        self.measures.ended(Exchange(*found))

    def points(self, metric: Metric) -> list[tuple[dict[str, Any], Any]]:
        """Attributes and value (of a histogram: sum) of each series."""
        data = self._reader.get_metrics_data()
        return [
            (dict(point.attributes or {}), getattr(point, "value", None) or getattr(point, "sum", 0))
            for of_resource in (data.resource_metrics if data else ())
            for of_scope in of_resource.scope_metrics
            for each in of_scope.metrics
            if each.name == metric.name
            for point in each.data.data_points
        ]

    def only(self, metric: Metric) -> tuple[Mapping[str, Any], Any]:
        (point,) = self.points(metric)
        return point


@pytest.fixture
def world() -> World:
    return World()


def test_a_request_is_counted_with_what_was_decided(world: World) -> None:
    world.record(FORWARDED, REFUSED, REFUSED)
    assert sorted((each["gateway.decision.action"], each["gateway.decision.reason"], count) for each, count in world.points(names.REQUESTS)) == [
        ("forward", "", 1),
        ("refuse", "budget_exhausted", 2),
    ]  # fmt: skip
    forwarded = next(each for each, _ in world.points(names.REQUESTS) if each["gateway.decision.action"] == "forward")
    assert (forwarded["gateway.principal.team"], forwarded["gen_ai.provider.name"]) == ("sales", "openai")
    assert forwarded["gen_ai.request.model"] == "assistant"


def test_what_an_exchange_used(world: World) -> None:
    world.ended(FORWARDED, SETTLED)
    tokens = {each["gen_ai.token.type"]: (each, count) for each, count in world.points(names.TOKEN_USAGE)}
    assert (tokens["input"][1], tokens["output"][1]) == (1000, 50)
    assert tokens["input"][0] == {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "assistant",
        "gen_ai.response.model": "gpt-large",
        "gen_ai.token.type": "input",
    }
    assert world.only(names.DURATION)[1] == pytest.approx(0.9)
    assert world.only(names.FIRST_CHUNK)[1] == pytest.approx(0.2)
    assert world.only(names.ATTEMPTS)[1] == 2
    whose, charged = world.only(names.COST)
    assert charged == pytest.approx(0.012345678)
    assert (whose["gateway.budget.currency"], whose["gateway.principal.team"]) == ("EUR", "sales")


def test_an_error_is_named_by_its_status(world: World) -> None:
    world.ended(FORWARDED, outcome(http_status=503))
    assert world.only(names.DURATION)[0]["error.type"] == "503"
    assert world.points(names.FIRST_CHUNK) == []


def test_figures_without_a_decision_count_too(world: World) -> None:
    world.ended(None, SETTLED)
    whose, charged = world.only(names.COST)
    assert (whose["gateway.principal.team"], charged) == ("", pytest.approx(0.012345678))


def test_an_exchange_without_an_end_tells_no_figures(world: World) -> None:
    world.ended(FORWARDED, None)
    assert world.points(names.COST) == world.points(names.DURATION) == []


def test_findings_of_requests_and_answers(world: World) -> None:
    world.record(FORWARDED, INSPECTED)
    found = {each["gateway.guard.side"]: count for each, count in world.points(names.FINDINGS)}
    assert found == {"request": 2, "answer": 1}


def test_copies_are_told_from_requests(world: World) -> None:
    world.record(replace(FORWARDED, name=EventName.SHADOW_FORWARDED), FORWARDED)
    world.ended(FORWARDED, outcome(flags=("shadow",)))
    assert sorted(each["gateway.shadow"] for each, _ in world.points(names.REQUESTS)) == ["no", "yes"]
    assert world.only(names.COST)[0]["gateway.shadow"] == "yes"


def test_what_envoy_refuses_by_itself(world: World) -> None:
    refused = replace(ENDED, exchange_id="", hold_id="", reason="jwt_authn_access_denied")
    world.record(replace(SETTLED, name=EventName.ENVOY_REFUSED, outcome=refused))
    assert world.only(names.ENVOY_REFUSALS) == ({"gateway.outcome.reason": "jwt_authn_access_denied"}, 1)
    assert world.points(names.REQUESTS) == []


def test_flags_count_once_however_often_an_outcome_is_told(world: World) -> None:
    world.record(outcome(flags=("client_aborted",)), outcome(flags=("client_aborted", "corrected")))
    assert world.only(names.FLAGS) == ({"gateway.outcome.flag": "client_aborted"}, 1)


def test_the_names_of_too_many_teams_are_one(world: World) -> None:
    for number in range(METRIC_VALUES_MAX + 5):
        world.record(replace(REFUSED, principal=replace(ADA, team=f"team-{number}")))
    counts = {each["gateway.principal.team"]: count for each, count in world.points(names.REQUESTS)}
    assert (len(counts), counts["other"], counts["team-0"]) == (METRIC_VALUES_MAX + 1, 5, 1)


def test_no_series_is_about_a_person(world: World) -> None:
    world.record(FORWARDED, REFUSED, INSPECTED, SETTLED)
    world.ended(FORWARDED, SETTLED)
    shown = repr([world.points(metric) for metric in (*names.COUNTERS, *names.HISTOGRAMS)])
    assert "assistant" in shown
    for personal in (SUBJECT, EMAIL, CREDENTIAL, ADDRESS, EXCHANGE_ID, "run-of-ada", "f0f0"):
        assert personal not in shown
