"""The request path for requests that ask how many tokens another one has."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gateway_ext.audit.events import EventName
from gateway_ext.budget.rules import QuotaRule, Scope
from gateway_ext.conditions.condition import compile_condition
from gateway_ext.conditions.vocabulary import ROUTING
from gateway_ext.exchange import Answer, Endpoint, Estimate, Outcome, Usage
from gateway_ext.guard.rules import Action, DetectorRule
from gateway_ext.quota import Unit
from gateway_ext.response.forwarded import Forwarded
from gateway_ext.routing.rules import Effect, RoutingRule
from gateway_ext.routing.shadow import Shadow
from gateway_ext.tokens.counter import read_vocabularies
from tests.unit.pipeline_world import AWS_KEY, DEMO, IBAN, World, code

PATH = Endpoint.COUNT_TOKENS.value
US, EU = "simulator-us/assistant", "simulator-eu/assistant"


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    made = World(tmp_path)
    await made.ledger.open()
    yield made
    await made.ledger.close()


async def count(
    world: World, content: object, head: dict[str, Any] | None = None, **changes: Any
) -> Forwarded | Answer:
    document = {"model": "assistant", "messages": [{"role": "user", "content": content}], **changes}
    return await world.send_body(json.dumps(document).encode(), path=PATH, **(head or {}))


async def counted(world: World, content: object, **changes: Any) -> int:
    answer = await count(world, content, **changes)
    assert isinstance(answer, Answer)
    assert answer.http_status == 200, answer.body
    body = json.loads(answer.body)
    assert body.keys() == {"input_tokens"}
    return int(body["input_tokens"])


def who_count(world: World, *clusters: str) -> None:
    """Have these deployments tell counts."""
    model = world.policy.snapshot.routing.models["assistant"]
    deployments = tuple(
        replace(each, endpoints=each.endpoints | {Endpoint.COUNT_TOKENS}) if each.cluster in clusters else each
        for each in model.deployments
    )
    world.change("routing", models={"assistant": replace(model, deployments=deployments)})


# --- by the gateway ---------------------------------------------------------------------------------------------------


async def test_where_no_deployment_can_tell_the_gateway_counts(world: World) -> None:
    short, long = await counted(world, "What is a monad?"), await counted(world, "What is a monad? " * 100)
    assert 4 < short < 50
    assert 400 < long < 800
    assert world.decision.name is EventName.DECISION_ANSWERED
    assert (world.decision.endpoint, world.decision.http_status) == (Endpoint.COUNT_TOKENS, 200)
    assert world.decision.candidates == (), "nobody but the gateway has seen it"
    assert "access:people" in world.decision.rules


async def test_a_count_costs_nothing_and_holds_nothing(world: World) -> None:
    await counted(world, "x" * 100_000)
    assert (world.held(), world.posted(), world.decision.held_nano) == (0, 0, 0)


async def test_a_request_that_is_too_long_is_counted_all_the_same(world: World) -> None:
    """Its caller wants to know by how much."""
    assert await counted(world, "monad " * 200_000) > 128_000


async def test_a_vocabulary_makes_the_count_exact(world: World) -> None:
    read_vocabularies(["o200k_base"])  # as a processor does when it starts: what is not counted in time is guessed
    model = world.policy.snapshot.routing.models["assistant"]
    guessed = await counted(world, "entrepreneurship " * 300)
    world.change("routing", models={"assistant": replace(model, tokenizer="o200k_base")})
    exact = await counted(world, "entrepreneurship " * 300)
    assert 300 <= exact <= 340 < guessed


async def test_tools_and_system_count(world: World) -> None:
    tool = {"name": "weather", "description": "Look it up. " * 50, "input_schema": {"type": "object"}}
    plain = await counted(world, "hi")
    assert await counted(world, "hi", tools=[tool]) > plain + 150
    assert await counted(world, "hi", system="Be brief. " * 60) > plain + 150


async def test_what_is_redacted_is_counted_redacted(world: World) -> None:
    before = await counted(world, f"{IBAN} " * 200)
    world.change_guard(detectors={"iban": DetectorRule(Action.REDACT)})
    assert await counted(world, f"{IBAN} " * 200) < before * 2 // 3


# --- by a deployment --------------------------------------------------------------------------------------------------


async def test_a_deployment_that_can_tell_is_asked(world: World) -> None:
    who_count(world, EU)
    decided = await count(world, "What is a monad?")
    assert isinstance(decided, Forwarded)
    assert [each.cluster for each in decided.forward.candidates] == [EU]
    assert decided.forward.body is None
    assert decided.forward.plan["path"] == "/messages/count_tokens"
    assert decided.hold.amount_nano == 0
    assert world.decision.name is EventName.DECISION_FORWARDED
    assert world.held() == 0


async def test_what_a_deployment_may_not_see_it_is_not_asked_to_count(world: World) -> None:
    who_count(world, US)
    assert await counted(world, f"Pay to {IBAN}") > 5
    assert world.decision.sovereign
    assert world.decision.candidates == ()


async def test_what_goes_out_is_redacted(world: World) -> None:
    who_count(world, EU)
    world.change_guard(detectors={"iban": DetectorRule(Action.REDACT)})
    decided = await count(world, f"Pay to {IBAN}")
    assert isinstance(decided, Forwarded)
    assert decided.forward.body is not None
    sent = json.loads(decided.forward.body)
    assert IBAN not in str(sent)
    assert sent.keys() == {"model", "messages"}, "nothing is added that counting does not know"


async def test_what_it_used_is_nothing_even_where_a_request_has_a_price(world: World) -> None:
    who_count(world, EU)
    budget = world.policy.snapshot.budget
    prices = {
        cluster: tuple(replace(each, price=replace(each.price, per_request_nano=7)) for each in schedule)
        for cluster, schedule in budget.prices.items()
    }
    world.change("budget", prices=prices)
    decided = await count(world, "What is a monad?")
    assert isinstance(decided, Forwarded)
    await world.pipeline.conclude([(ended(decided), Estimate(0, 0))])
    assert world.posted() == 0
    assert world.audit.records[-1].name is EventName.OUTCOME_SETTLED


def ended(decided: Forwarded) -> Outcome:
    return Outcome(
        exchange_id=decided.exchange.id,
        hold_id=decided.hold.id,
        http_status=200,
        cluster=EU,
        usage=Usage(0, 0),
        request_bytes=100,
        response_bytes=20,
        attempts=1,
        duration_ns=1,
        time_to_first_byte_ns=1,
        saw_end_of_stream=True,
        settled_by="access_log",
    )


# --- as any request ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "head", "expected"),
    [
        ({"model": "none"}, {}, "model_not_found"),
        ({"messages": []}, {}, "body_invalid"),
        ({"fallbacks": ["other"]}, {}, "body_invalid"),
        ({"system": f"key: {AWS_KEY}"}, {}, "content_blocked"),
        ({"messages": [{"role": "user", "content": IBAN}], "model": "frontier-only"}, {}, "no_sovereign_route"),
        ({}, {"content_type": "text/plain"}, "content_type_unsupported"),
        ({}, {"method": "GET"}, "method_not_allowed"),
        ({}, {"claims": {}}, "unauthenticated"),
        ({}, {"claims": {"personal": DEMO | {"groups": []}}}, "model_not_allowed"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
async def test_it_is_refused_as_the_request_would_be(
    world: World, changes: dict[str, Any], head: dict[str, Any], expected: str
) -> None:
    refused = await count(world, "hi", head, **changes)
    assert code(refused) == expected
    assert isinstance(refused, Answer)
    assert json.loads(refused.body)["type"] == "error", "in Anthropic's form"
    assert world.decision.reason == expected


async def test_it_is_not_copied_to_a_shadow(world: World) -> None:
    who_count(world, US, EU)
    models = world.policy.snapshot.routing.models
    shadowed = replace(models["assistant"], shadow=Shadow("eu", 1.0, ""))
    world.change("routing", models={"assistant": shadowed, "eu": replace(models["assistant"], name="eu")})
    decided = await count(world, "What is a monad?")
    assert isinstance(decided, Forwarded)
    assert decided.forward.shadow == ""


async def test_a_condition_on_messages_holds_for_their_counts(world: World) -> None:
    """A rule that keeps messages at home would be of no use if their texts left by another door."""
    who_count(world, US, EU)
    about_messages = compile_condition("request.endpoint == '/v1/messages'", ROUTING, rule="rule:home")
    rule = RoutingRule("home", Effect.ONLY, clusters=frozenset({EU}), when=about_messages)
    world.change("routing", rules=(rule,))
    decided = await count(world, "What is a monad?")
    assert isinstance(decided, Forwarded)
    assert [each.cluster for each in decided.forward.candidates] == [EU]


async def test_who_may_send_messages_may_count_them_and_nobody_else(world: World) -> None:
    access = world.policy.snapshot.identity.access
    for endpoint, expected in ((Endpoint.MESSAGES, ""), (Endpoint.CHAT_COMPLETIONS, "endpoint_not_allowed")):
        world.change("identity", access=tuple(replace(rule, endpoints=frozenset({endpoint})) for rule in access))
        answer = await count(world, "hi")
        assert isinstance(answer, Answer)
        assert answer.http_status == 200 if not expected else code(answer) == expected


async def test_it_counts_as_a_request(world: World) -> None:
    quota = QuotaRule("slow", Scope.USER, "*", Unit.REQUESTS, 2, 3600)
    tokens = QuotaRule("few", Scope.USER, "*", Unit.TOKENS, 1, 3600)
    world.change("budget", quotas=(quota, tokens))
    answers = [await count(world, "hi") for _ in range(3)]
    assert all(isinstance(answer, Answer) for answer in answers)
    assert [answer.http_status for answer in answers if isinstance(answer, Answer)] == [200, 200, 429]
    assert code(answers[2]) == "rate_limited"
    assert isinstance(answers[0], Answer)
    assert dict(answers[0].headers)["anthropic-ratelimit-requests-remaining"] == "1"


async def test_without_a_budget_there_is_nothing_to_count(world: World) -> None:
    world.change("budget", budgets=())
    assert code(await count(world, "hi")) == "budget_missing"
