"""A developer pastes personal data into a prompt for a frontier model; the gateway is asked with an unmodified SDK."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import openai
import pytest

from gateway_ext.routing.measured import FAILURES_MAX
from gateway_ext.routing.shared_readings import SECONDS_BETWEEN
from tests.envoy.stack import Stack

pytestmark = pytest.mark.envoy
PASTED = "Draft a reminder for Erika, IBAN DE89 3704 0044 0532 0130 00, phone +49 30 901820."
FRONTIER_ONLY = "frontier-only: {deployments: [{provider: simulator-us}]}"


@pytest.fixture
def client(stack: Stack) -> Iterator[openai.OpenAI]:
    stack.use_policy(
        ("models.yaml", FRONTIER_ONLY, FRONTIER_ONLY.replace("]}", "], otherwise: assistant-eu}")),
    )
    stack.forget_upstream_log()
    with openai.OpenAI(base_url=stack.base_url, api_key=stack.token(), max_retries=0) as sdk:
        yield sdk
    stack.use_policy()


@pytest.mark.parametrize("stream", [False, True])
def test_it_is_answered_by_the_sovereign_model_and_the_tool_notices_nothing_but_a_header(
    client: openai.OpenAI, stack: Stack, stream: bool
) -> None:
    asked: Any = client.chat.completions.with_raw_response.create(
        model="frontier-only", messages=[{"role": "user", "content": PASTED}], stream=stream
    )
    answer = asked.parse()
    pieces = [chunk.choices[0].delta for chunk in answer if chunk.choices] if stream else [answer.choices[0].message]
    assert "".join(piece.content or "" for piece in pieces) == f"You said: {PASTED}"
    assert asked.headers["x-gateway-route"] == "class:personal, otherwise:assistant-eu"
    assert [seen["deployment"] for seen in stack.upstream_log()] == ["eu"]

    exchange = asked.headers["x-request-id"]
    records = stack.wait_for_records(
        lambda found: any(r["event"] == "request:outcome:settled" and exchange in r.values() for r in found)
    )
    (decision,) = (
        each for each in records if each["event"] == "request:decision:forwarded" and exchange in each.values()
    )
    assert {"class:personal", "otherwise:assistant-eu"} <= set(decision["gateway.decision.rules"])
    assert "personal" in decision["gateway.decision.data_classes"]
    assert decision["gateway.route.candidates"] == ["simulator-eu/assistant"]
    assert "DE89" not in str(records)


def test_an_ordinary_prompt_goes_where_it_was_sent(client: openai.OpenAI, stack: Stack) -> None:
    asked = client.chat.completions.with_raw_response.create(
        model="frontier-only", messages=[{"role": "user", "content": "What is a monad?"}]
    )
    assert "x-gateway-route" not in asked.headers
    assert [seen["deployment"] for seen in stack.upstream_log()] == ["us"]


def test_a_deployment_that_keeps_failing_is_tried_last_for_a_while(stack: Stack) -> None:
    stack.use_policy(("routing.yaml", "on_failing: ignore", "on_failing: avoid"))
    stack.simulate("us", fault="500")
    try:
        with openai.OpenAI(base_url=stack.base_url, api_key=stack.token(), max_retries=0) as sdk:
            hello: Any = {"model": "assistant", "messages": [{"role": "user", "content": "Hello"}]}
            for _ in range(FAILURES_MAX):
                sdk.chat.completions.create(**hello)
            # Envoy reports outcomes ten times a second, to one of the two processors, which tells the other one.
            time.sleep(0.2 + 2 * SECONDS_BETWEEN)
            stack.forget_upstream_log()
            asked = [sdk.chat.completions.with_raw_response.create(**hello) for _ in range(6)]
    finally:
        stack.simulate("us")
        stack.use_policy()
    assert [seen["deployment"] for seen in stack.upstream_log()] == ["eu"] * 6
    assert {each.headers["x-gateway-route"] for each in asked} == {"strategy:priority+health"}
