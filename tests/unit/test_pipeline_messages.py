"""The request path for Anthropic's dialect: the same steps, with another form of requests and refusals."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gateway_ext.exchange import Answer, Endpoint, Estimate
from gateway_ext.guard.rules import Action, DetectorRule
from gateway_ext.response.forwarded import Forwarded
from tests.clients import claude_code
from tests.unit.pipeline_world import AWS_KEY, DEMO, IBAN, World, code

PATH = Endpoint.MESSAGES.value


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    made = World(tmp_path)
    await made.ledger.open()
    yield made
    await made.ledger.close()


async def send(world: World, content: object, head: dict[str, Any] | None = None, **changes: Any) -> Forwarded | Answer:
    document = {"model": "assistant", "max_tokens": 50, "messages": [{"role": "user", "content": content}], **changes}
    return await world.send_body(json.dumps(document).encode(), path=PATH, **(head or {}))


async def test_deployments_that_serve_the_endpoint_are_candidates_and_priced(world: World) -> None:
    decided = await send(world, "What is a monad?")
    assert isinstance(decided, Forwarded)
    clusters = [candidate.cluster for candidate in decided.forward.candidates]
    assert clusters == ["simulator-us/assistant", "simulator-eu/assistant"]
    assert decided.forward.body is None
    assert decided.forward.plan["path"] == "/messages"
    assert decided.estimate == Estimate(input_tokens=decided.estimate.input_tokens, output_tokens=50)
    assert not decided.strips_usage
    prices = world.policy.snapshot.budget.prices
    assert decided.hold.amount_nano == max(prices[each][0].price.worst_case_nano(decided.estimate) for each in clusters)


async def test_a_stream_is_metered_by_envoy_alone(world: World) -> None:
    decided = await send(world, "hi", stream=True)
    assert isinstance(decided, Forwarded)
    assert decided.forward.body is None, "nothing is asked for that the caller has not asked for"
    assert not decided.reads_response


async def test_sovereign_content_goes_to_the_sovereign_deployment_of_the_dialect(world: World) -> None:
    decided = await send(world, [{"type": "text", "text": f"Pay to {IBAN}"}])
    assert isinstance(decided, Forwarded)
    assert [candidate.cluster for candidate in decided.forward.candidates] == ["simulator-eu/assistant"]


async def test_nothing_that_claude_code_sends_by_itself_is_personal_or_blocked(world: World) -> None:
    call = {"id": "toolu_1", "name": "Bash", "input": {"command": "echo hello"}}
    asked = [
        claude_code.first_turn("assistant", "echo hello"),
        claude_code.after_tool("assistant", "echo hello", call),
        claude_code.sub_agent("assistant", "Look."),
    ]
    for document in asked:
        decided = await world.send_body(json.dumps(document).encode(), path=PATH)
        assert isinstance(decided, Forwarded)
        assert [each.cluster for each in decided.forward.candidates] == [
            "simulator-us/assistant",
            "simulator-eu/assistant",
        ]
        assert not [each.detector for each in world.decision.findings if each.data_class != "injection"]


async def test_a_redaction_is_made_in_its_block(world: World) -> None:
    world.change_guard(detectors={"iban": DetectorRule(Action.REDACT)})
    result = {"type": "tool_result", "tool_use_id": "t", "content": [{"type": "text", "text": f"IBAN {IBAN}, thanks"}]}
    decided = await send(world, [result])
    assert isinstance(decided, Forwarded)
    assert decided.forward.body is not None
    text = json.loads(decided.forward.body)["messages"][0]["content"][0]["content"][0]["text"]
    assert text.startswith("IBAN ")
    assert text.endswith(", thanks")
    assert IBAN not in text
    (finding,) = world.decision.findings
    assert (finding.place, finding.role) == ("/messages/0/content/0/content/0/text", "tool")


@pytest.mark.parametrize(
    ("changes", "head", "expected", "kind"),
    [
        ({"model": "none"}, {}, "model_not_found", "not_found_error"),
        ({"max_tokens": None}, {}, "body_invalid", "invalid_request_error"),
        ({"system": f"key: {AWS_KEY}"}, {}, "content_blocked", "permission_error"),
        (
            {"max_tokens": 10_000_000, "thinking": {"type": "enabled", "budget_tokens": 9_000_000}},
            {},
            "context_length_exceeded",
            "invalid_request_error",
        ),
        ({}, {"content_type": "text/plain"}, "content_type_unsupported", "invalid_request_error"),
        ({}, {"method": "GET"}, "method_not_allowed", "invalid_request_error"),
        ({}, {"claims": {}}, "unauthenticated", "authentication_error"),
        ({}, {"claims": {"personal": DEMO | {"team": ""}}}, "claim_missing", "permission_error"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
async def test_refusals_are_in_the_form_of_the_dialect(
    world: World, changes: dict[str, Any], head: dict[str, Any], expected: str, kind: str
) -> None:
    refused = await send(world, "hi", head, **changes)
    assert isinstance(refused, Answer)
    assert code(refused) == expected
    body = json.loads(refused.body)
    assert (body["type"], body["error"]["type"], body["request_id"]) == ("error", kind, refused.exchange_id)
    assert ("request-id", refused.exchange_id) in refused.headers
    assert world.decision.reason == expected
    assert world.held() == 0


async def test_no_room_is_a_rate_limit_in_this_dialect(world: World) -> None:
    rules = world.policy.snapshot.budget.budgets
    world.change("budget", budgets=tuple(replace(rule, limit_nano=1) for rule in rules))
    refused = await send(world, "hi")
    assert isinstance(refused, Answer)
    assert (code(refused), json.loads(refused.body)["error"]["type"]) == ("budget_exhausted", "rate_limit_error")


async def test_a_model_one_may_not_use_is_not_told_apart_by_its_dialect(world: World) -> None:
    claims = {"personal": DEMO | {"groups": []}}
    assert code(await send(world, "hi", {"claims": claims}, model="assistant-eu")) == "model_not_allowed"


async def test_a_model_that_no_translation_leads_to_is_not_served(world: World) -> None:
    model = world.policy.snapshot.routing.models["assistant"]
    only = tuple(replace(each, endpoints=frozenset({Endpoint.EMBEDDINGS})) for each in model.deployments)
    world.change("routing", models={"assistant": replace(model, deployments=only)})
    assert code(await send(world, "hi")) == code(await world.send("hi")) == "endpoint_not_served"
