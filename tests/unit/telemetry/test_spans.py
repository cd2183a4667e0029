"""A span for each exchange: whose child it is, what it says, and what it does not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import SpanContext, SpanKind, StatusCode

from gateway_ext.audit.outputs.otlp import to_request
from gateway_ext.audit.records import DecisionRecord, OutcomeRecord
from gateway_ext.settings import Traces
from gateway_ext.telemetry.exchanges import Exchange
from gateway_ext.telemetry.spans import is_sampled, span
from tests.unit.telemetry.trail_records import (
    ADDRESS,
    CREDENTIAL,
    EMAIL,
    EXCHANGE_ID,
    FORWARDED,
    INSPECTED,
    MILLISECOND,
    NOW,
    PARENT,
    REFUSED,
    SETTLED,
    SUBJECT,
    event,
    outcome,
)

CHILD = replace(FORWARDED, trace_parent=PARENT)


def made(decision: DecisionRecord = FORWARDED, ended: OutcomeRecord | None = SETTLED) -> ReadableSpan:
    decided = event(decision)
    return span(decided, Exchange(decided, event(ended, NOW + 950 * MILLISECOND) if ended else None))


def context(of: ReadableSpan) -> SpanContext:
    found = of.get_span_context()
    assert found is not None
    return found


def attributes(of: ReadableSpan) -> Mapping[str, Any]:
    assert of.attributes is not None
    return of.attributes


def test_what_it_says_about_an_exchange() -> None:
    told = made()
    assert (told.name, told.kind) == ("chat assistant", SpanKind.SERVER)
    assert (told.start_time, told.end_time) == (NOW - 3 * MILLISECOND, NOW + 897 * MILLISECOND)
    wanted = {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "assistant",
        "gen_ai.response.model": "gpt-large",
        "gen_ai.usage.input_tokens": 1000,
        "gen_ai.usage.output_tokens": 50,
        "gen_ai.response.time_to_first_chunk": 0.2,
        "http.response.status_code": 200,
        "gateway.exchange.id": EXCHANGE_ID,
        "gateway.decision.action": "forward",
        "gateway.principal.team": "sales",
        "gateway.route.attempts": 2,
        "gateway.budget.cost_nano": 12_345_678,
        "gateway.policy.digest": "d1",
    }
    assert wanted.items() <= dict(attributes(told)).items()
    assert told.resource.attributes["service.instance.id"] == "r"


def test_it_names_nobody() -> None:
    decided = event(CHILD)
    told = span(decided, Exchange(decided, event(SETTLED), event(INSPECTED)))
    written = encode_spans([told]).SerializeToString()
    for personal in (SUBJECT, EMAIL, CREDENTIAL, ADDRESS, "run-of-ada", "/messages/0/content", "f0f0"):
        assert personal.encode() not in written


def test_it_is_the_child_of_its_callers_span() -> None:
    told = made(CHILD)
    assert told.parent is not None
    assert (f"{told.parent.trace_id:032x}", f"{told.parent.span_id:016x}") == (PARENT.trace_id, PARENT.span_id)
    assert context(told).trace_id == told.parent.trace_id
    assert told.parent.is_remote


def test_the_trails_log_record_is_found_by_it() -> None:
    told, record = made(CHILD), to_request([event(CHILD)]).resource_logs[0].scope_logs[0].log_records[0]
    assert int.from_bytes(record.trace_id) == context(told).trace_id
    assert int.from_bytes(record.span_id) == context(told).span_id
    assert to_request([event(FORWARDED)]).resource_logs[0].scope_logs[0].log_records[0].trace_id.strip(b"\0") == b""


def test_without_a_caller_the_trace_is_called_as_the_exchange() -> None:
    told = made()
    assert told.parent is None
    assert f"{context(told).trace_id:032x}" == EXCHANGE_ID


def test_the_same_exchange_is_the_same_span_and_another_one_another() -> None:
    again, other = made(CHILD), made(replace(CHILD, exchange_id="ff" * 16))
    assert context(made(CHILD)).span_id == context(again).span_id != context(other).span_id
    odd = made(replace(FORWARDED, exchange_id="not hexadecimal"))
    assert context(odd).trace_id.bit_length() > 64


def test_findings_are_counted_by_class_and_action() -> None:
    decided, inspected = event(FORWARDED), event(INSPECTED, NOW + MILLISECOND)
    told = span(decided, Exchange(decided, event(SETTLED), inspected))
    found = [dict(each.attributes or {}) for each in told.events if each.name == "gateway.guard.finding"]
    common = {"gateway.guard.data_class": "personal", "gateway.guard.action": "redact"}
    assert found == [
        {**common, "gateway.guard.side": "request", "gateway.guard.count": 2},
        {**common, "gateway.guard.side": "answer", "gateway.guard.count": 1},
    ]
    assert [each.timestamp for each in told.events if each.name == "gateway.decision"] == [NOW, NOW + MILLISECOND]


@pytest.mark.parametrize(
    ("decision", "ended", "is_error", "error_type"),
    [
        (FORWARDED, SETTLED, False, None),
        (FORWARDED, outcome(http_status=503), True, "503"),
        (FORWARDED, outcome(http_status=429), False, "429"),
        (FORWARDED, outcome(saw_end_of_stream=False, flags=("client_aborted",)), False, "client_aborted"),
        (FORWARDED, outcome(saw_end_of_stream=False, flags=("half_stream",)), True, "half_stream"),
        (REFUSED, None, False, "429"),
        (replace(REFUSED, http_status=503), None, True, "503"),
    ],
)
def test_its_status_is_that_of_a_server(
    decision: DecisionRecord, ended: OutcomeRecord | None, is_error: bool, error_type: str | None
) -> None:
    told = made(decision, ended)
    assert (told.status.status_code is StatusCode.ERROR) == is_error
    assert attributes(told).get("error.type") == error_type


def test_a_refusal_ends_when_it_is_decided() -> None:
    told = made(REFUSED, None)
    assert told.end_time == NOW
    assert attributes(told)["gateway.decision.reason"] == "budget_exhausted"
    assert "gateway.exchange.outcome_missing" not in attributes(told)


def test_an_exchange_whose_end_is_not_known_says_so() -> None:
    told = made(FORWARDED, None)
    assert told.end_time == NOW
    assert attributes(told)["gateway.exchange.outcome_missing"] is True


def test_a_hold_that_expired_ends_when_that_was_noticed() -> None:
    recovered = outcome(duration_ns=0, http_status=0, saw_end_of_stream=False, flags=("recovered",))
    assert made(FORWARDED, recovered).end_time == NOW + 950 * MILLISECOND


def test_whoever_asked_nothing_yet_has_a_span_all_the_same() -> None:
    assert made(replace(REFUSED, endpoint="", model="", principal=None), None).name == "request"
    assert made(replace(REFUSED, endpoint="/v1/models", model=""), None).name == "/v1/models"


def test_sampling() -> None:
    unsampled = replace(CHILD, trace_parent=replace(PARENT, is_sampled=False))
    assert not is_sampled(event(CHILD), Traces.NONE, 1.0)
    assert is_sampled(event(unsampled), Traces.ALL, 0.0)
    assert is_sampled(event(CHILD), Traces.SAMPLED, 0.0)
    assert not is_sampled(event(unsampled), Traces.SAMPLED, 1.0)
    own = [event(replace(FORWARDED, exchange_id=f"{'00' * 8}{number * 2**60:016x}")) for number in range(16)]
    assert sum(is_sampled(each, Traces.SAMPLED, 0.25) for each in own) == 4
    assert sum(is_sampled(each, Traces.SAMPLED, 0.0) for each in own) == 0
    assert sum(is_sampled(each, Traces.SAMPLED, 1.0) for each in own) == 16
