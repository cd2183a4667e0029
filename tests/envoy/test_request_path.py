"""The whole request path: a real client, a real Envoy, our processors, a provider, and the audit trail at the collector."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.envoy.stack import Stack, chat

pytestmark = pytest.mark.envoy
IBAN = "DE89 3704 0044 0532 0130 00"


def test_a_request_is_answered_settled_and_recorded(stack: Stack) -> None:
    subject = "settled@local"
    with stack.client(stack.token(subject=subject)) as client:
        answer = client.post("/chat/completions", json=chat("Hello there"))
    assert answer.status_code == 200
    assert answer.json()["system_fingerprint"] == "us"
    (seen,) = stack.upstream_log()
    assert seen["path"] == "/us/v1/chat/completions"

    def of_the_exchange(records: list[dict[str, Any]]) -> list[dict[str, Any]]:
        ids = {r["gateway.exchange.id"] for r in records if r.get("gateway.principal.subject") == subject}
        return [r for r in records if r.get("gateway.exchange.id") in ids]

    records = stack.wait_for_records(lambda found: len(of_the_exchange(found)) == 2)
    by_event = {record["event"]: record for record in of_the_exchange(records)}
    assert set(by_event) == {"request:decision:forwarded", "request:outcome:settled"}
    settled = by_event["request:outcome:settled"]
    assert settled["http.response.status_code"] == 200
    assert settled["gen_ai.usage.input_tokens"] == answer.json()["usage"]["prompt_tokens"]
    assert settled["gateway.budget.cost_nano"] > 0
    assert "Hello there" not in json.dumps(records)


def test_the_request_id_that_clients_see_is_the_one_in_the_trail(stack: Stack) -> None:
    with stack.client() as client:
        served = client.post("/chat/completions", json=chat("Hello"))
        refused = client.post("/chat/completions", json=chat("Hello", model="nobody"))
    assert (served.status_code, refused.status_code) == (200, 404)
    ids = {served.headers["x-request-id"], refused.headers["x-request-id"]}
    assert len(ids) == 2
    stack.wait_for_records(
        lambda found: ids <= {record["gateway.exchange.id"] for record in found if "gateway.exchange.id" in record}
    )


def test_personal_data_is_steered_to_the_sovereign_deployment(stack: Stack) -> None:
    with stack.client() as client:
        answer = client.post("/chat/completions", json=chat(f"My IBAN is {IBAN}"))
    assert answer.json()["system_fingerprint"] == "eu"
    assert [seen["path"] for seen in stack.upstream_log()] == ["/eu/v1/chat/completions"]


def test_sovereign_content_never_falls_back_to_a_lower_tier(stack: Stack) -> None:
    stack.simulate("eu", fault="500")
    with stack.client() as client:
        answer = client.post("/chat/completions", json=chat(f"My IBAN is {IBAN}"))
    assert answer.status_code >= 500
    assert {seen["path"].split("/")[1] for seen in stack.upstream_log()} == {"eu"}


@pytest.mark.parametrize("fault", ["429", "500", "reset"])
def test_a_failing_provider_is_replaced_by_the_next_one(stack: Stack, fault: str) -> None:
    stack.simulate("us", fault=fault)
    with stack.client() as client:
        answer = client.post("/chat/completions", json=chat("Hello"))
    assert answer.status_code == 200
    assert answer.json()["system_fingerprint"] == "eu"
    first, second = stack.upstream_log()[0], stack.upstream_log()[-1]
    assert (first["deployment"], second["deployment"]) == ("us", "eu")


def test_a_stream_without_the_usage_nobody_asked_for(stack: Stack) -> None:
    with stack.client() as client:
        answer = client.post("/chat/completions", json=chat("Hello", stream=True))
    events = [json.loads(line[6:]) for line in answer.text.splitlines() if line.startswith("data: {")]
    assert answer.text.rstrip().endswith("data: [DONE]")
    assert all(event["choices"] for event in events), "a chunk without choices breaks clients that did not ask for it"
    assert json.loads(stack.upstream_log()[0]["body"])["stream_options"] == {"include_usage": True}
