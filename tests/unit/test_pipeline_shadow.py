"""Copies of requests: which are made, what they carry, and what becomes of them when they come back."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gateway_ext import limits
from gateway_ext.audit.events import EventName
from gateway_ext.audit.records import DecisionRecord, OutcomeRecord
from gateway_ext.budget.rules import BudgetRules
from gateway_ext.budget.status import read_accounts
from gateway_ext.clock import SystemClock
from gateway_ext.exchange import ENDPOINTS_OF, Answer, Dialect, Estimate, Forward, Outcome, Usage
from gateway_ext.guard.rules import Action, DetectorRule, Override, RuleChange, Scope
from gateway_ext.identity.access import AccessRule
from gateway_ext.response.forwarded import Forwarded
from gateway_ext.routing.rules import Effect, RoutingRule
from gateway_ext.routing.shadow import Shadow
from gateway_ext.standing.standing import Standing
from gateway_ext.steps.shadow_leave import Leave, opened, sealed
from tests.unit.pipeline_world import IBAN, SHADOW_KEY, World, code

EU = "simulator-eu/assistant"
"""The deployment of `assistant-eu`, and the second one of `assistant`."""


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    """All requests for `assistant`, which go to the US first, are copied to `assistant-eu`, unless a test says otherwise."""
    made = World(tmp_path)
    await made.ledger.open()
    shadow(made)
    yield made
    await made.ledger.close()


def shadow(
    world: World, model: str = "assistant", to: str = "assistant-eu", share: float = 1.0, payer: str = ""
) -> None:
    change_model(world, model, shadow=Shadow(to, share, payer))


def change_model(world: World, name: str, **changes: Any) -> None:
    models = world.policy.snapshot.routing.models
    world.change("routing", models={**models, name: replace(models[name], **changes)})


def change_candidates(world: World, name: str, **changes: Any) -> None:
    deployments = world.policy.snapshot.routing.models[name].deployments
    change_model(world, name, deployments=tuple(replace(each, **changes) for each in deployments))


async def send(
    world: World, content: object = "What is a monad?", **changes: Any
) -> tuple[Forwarded, Leave | None, bytes]:
    """A request; the leave of its copy, and the body that Envoy copies."""
    document = {"model": "assistant", "messages": [{"role": "user", "content": content}], **changes}
    body = json.dumps(document).encode()
    decided = await world.send_body(body)
    assert isinstance(decided, Forwarded)
    sent, leave = decided.forward.body or body, None
    if decided.forward.shadow:
        leave = opened(decided.forward.shadow, SHADOW_KEY, SystemClock().now_unix_nano() // limits.NANO)
    return decided, leave, sent


async def copied(world: World, content: object = "What is a monad?", **changes: Any) -> tuple[Leave, bytes]:
    _, leave, sent = await send(world, content, **changes)
    assert leave is not None
    return leave, sent


async def is_copied(world: World, content: object = "What is a monad?", **changes: Any) -> bool:
    return (await send(world, content, **changes))[1] is not None


# --- which are made ---------------------------------------------------------------------------------------------------


async def test_the_copy_is_of_what_goes_out_and_the_request_is_as_without(world: World) -> None:
    decided, leave, _ = await send(world, max_tokens=50)
    assert leave is not None
    assert (leave.shadow_of, leave.cluster, leave.model, leave.asked) == (
        decided.exchange.id,
        EU,
        "assistant-eu",
        "assistant",
    )
    assert (leave.team, leave.output_tokens_max) == ("demo", 50)
    assert leave.id != decided.exchange.id
    assert "shadow:assistant-eu" in world.decision.rules
    assert "shadow" not in str(decided.forward.plan)  # which callers see parts of

    change_model(world, "assistant", shadow=None)
    without, none, _ = await send(world, max_tokens=50)
    assert none is None
    own = replace(decided.forward, shadow="", plan={**decided.forward.plan, "id": "", "hold": ""})
    assert own == replace(without.forward, plan={**without.forward.plan, "id": "", "hold": ""})


async def test_so_many_as_policy_says(world: World) -> None:
    shadow(world, share=0.3)
    made = [await is_copied(world) for _ in range(40)]
    assert 2 <= sum(made) <= 25


async def test_not_without_a_key_to_seal_with(tmp_path: Path) -> None:
    world = World(tmp_path, shadow_key=None)
    await world.ledger.open()
    shadow(world)
    assert not await is_copied(world)
    await world.ledger.close()
    refused = world.pipeline.shadowing.admit("anything")
    assert isinstance(refused, Answer)
    assert code(refused) == "shadow_unproven"


async def test_nothing_large(world: World) -> None:
    assert not await is_copied(world, "a" * limits.SHADOW_BODY_BYTES_MAX)


@pytest.mark.parametrize(
    ("more", "is_made"),
    [
        ({}, True),
        ({"previous_response_id": "resp_1"}, False),
        ({"tools": [{"type": "web_search"}]}, False),
        ({"tools": [{"type": "function", "name": "f", "parameters": {"type": "object"}}]}, True),
        ({"input": [{"role": "user", "content": [{"type": "input_file", "file_id": "file-1"}]}]}, False),
    ],
)
async def test_nothing_that_only_its_provider_knows_or_that_must_not_be_done_twice(
    world: World, more: dict[str, Any], is_made: bool
) -> None:
    change_candidates(
        world, "assistant-eu", cluster="simulator-eu/embedder"
    )  # where no request for `assistant` goes itself
    body = json.dumps({"model": "assistant", "input": "And then?", **more}).encode()
    decided = await world.send_body(body, path="/v1/responses")
    assert isinstance(decided, Forwarded)
    assert bool(decided.forward.shadow) is is_made


async def test_content_goes_only_where_its_class_may_go(world: World) -> None:
    shadow(world, "assistant-eu", "frontier-only")
    change_candidates(world, "frontier-only", tier="on-prem")  # but in the US still
    assert await is_copied(world, model="assistant-eu")
    assert not await is_copied(world, f"IBAN {IBAN}", model="assistant-eu")


async def test_never_to_a_less_sovereign_tier(world: World) -> None:
    shadow(world, "assistant-eu", "frontier-only")
    assert not await is_copied(world, model="assistant-eu")


async def test_only_where_rules_about_the_model_let_it(world: World) -> None:
    rule = RoutingRule("r", Effect.WITHOUT, models=("assistant",), clusters=frozenset({EU}))
    world.change("routing", rules=(rule,))
    assert not await is_copied(world)


async def test_only_in_tiers_that_the_caller_may_use(world: World) -> None:
    world.change("identity", access=(AccessRule("r", ("assistant",), tiers=frozenset({"frontier"})),))
    assert not await is_copied(world)


@pytest.mark.parametrize(
    ("stopped", "is_made"),
    [(("model", "assistant-eu"), False), (("provider", "simulator-eu"), False), (("provider", "another"), True)],
)
async def test_only_where_nobody_has_stopped_it(world: World, stopped: tuple[str, str], is_made: bool) -> None:
    world.orders.standing = Standing(stops={stopped: "for a test"})
    assert await is_copied(world) is is_made


async def test_only_to_what_can_serve_it(world: World) -> None:
    change_candidates(world, "assistant-eu", capabilities=frozenset({"vision"}))
    tool = {"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}
    assert not await is_copied(world, tools=[tool])
    assert await is_copied(world)


async def test_not_where_the_guard_would_have_judged_otherwise(world: World) -> None:
    change_candidates(world, "assistant-eu", tier="on-prem")
    assert await is_copied(world)
    lax = Override(
        "lax", Scope(tiers=frozenset({"frontier", "open-eu"})), {"secret": RuleChange(action=Action.LOG)}, {}
    )
    world.change("guard", overrides=(lax,))
    assert not await is_copied(world)


async def test_not_where_fields_would_be_renamed_twice(world: World) -> None:
    providers = world.policy.snapshot.routing.providers
    named = {name: replace(each, field_names={"seed": "random_seed"}) for name, each in providers.items()}
    world.change("routing", providers=named)
    assert await is_copied(world)
    world.change(
        "routing", providers={**named, "simulator-eu": replace(named["simulator-eu"], field_names={"seed": "s"})}
    )
    change_model(world, "assistant", deployments=world.policy.snapshot.routing.models["assistant"].deployments[:1])
    assert not await is_copied(world)


async def test_a_failure_here_is_not_the_callers(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway_ext.steps.copying.destination", None)
    assert not await is_copied(world)
    assert world.decision.name is EventName.DECISION_FORWARDED


# --- what becomes of them -----------------------------------------------------------------------------------------------


async def forwarded(world: World, leave: Leave, body: bytes) -> Forward:
    decided = await world.pipeline.shadowing.decide(leave, body)
    assert isinstance(decided, Forward)
    return decided


async def refused(world: World, leave: Leave, body: bytes) -> str:
    decided = await world.pipeline.shadowing.decide(leave, body)
    assert isinstance(decided, Answer)
    await world.pipeline.background.drain(5)
    record = world.decision
    assert (record.name, record.shadow_of) == (EventName.SHADOW_REFUSED, leave.shadow_of)
    assert record.reason == code(decided)
    return record.reason


def held(world: World, value: str) -> int:
    return sum(each.held_nano for each in read_accounts(world.path) if each.key.endswith(f"/{value}"))


async def test_it_goes_to_one_deployment_with_money_of_its_own(world: World) -> None:
    shadow(world, payer="platform")
    leave, body = await copied(world, max_tokens=50)
    before = world.held()
    admitted = world.pipeline.shadowing.admit(sealed(leave, SHADOW_KEY))
    assert admitted == leave
    forward = await forwarded(world, leave, body)
    assert [each.cluster for each in forward.candidates] == [EU]
    assert forward.body is not None
    assert json.loads(forward.body) == {**json.loads(body), "model": forward.candidates[0].model}
    assert forward.plan["id"] == forward.plan["hold"] == leave.id
    assert held(world, "platform") == held(world, "shadow%2Fassistant") > 0
    assert world.held() - before == 2 * held(world, "platform")

    record = world.decision
    assert (record.name, record.exchange_id, record.shadow_of) == (
        EventName.SHADOW_FORWARDED,
        leave.id,
        leave.shadow_of,
    )
    assert record.principal is not None
    assert (record.principal.subject, record.principal.team, record.interface) == (
        "shadow/assistant",
        "platform",
        "shadow",
    )

    posted = world.posted()
    outcome = Outcome(leave.id, leave.id, 200, EU, Usage(60, 50), 1, 1, 1, 9, 9, True, "access_log", ("shadow",))
    await world.pipeline.conclude([(outcome, Estimate(leave.input_tokens_max, 50))])
    cost = 60 * 400 + 50 * 2_000
    assert world.posted() - posted == 2 * cost
    assert held(world, "platform") == 0
    settled = world.audit.records[-1]
    assert isinstance(settled, OutcomeRecord)
    assert (settled.cost_nano, settled.outcome.flags) == (cost, ("shadow",))


async def test_twice_is_once(world: World) -> None:
    leave, body = await copied(world)
    await forwarded(world, leave, body)
    once = world.held()
    await forwarded(world, leave, body)
    assert world.held() == once


async def test_redacted_as_the_request(world: World) -> None:
    world.change_guard(detectors={"iban": DetectorRule(action=Action.REDACT)})
    change_candidates(
        world, "assistant-eu", cluster="simulator-eu/embedder"
    )  # the request itself goes to the other one
    leave, body = await copied(world, f"Is {IBAN} valid?")
    forward = await forwarded(world, leave, body)
    assert forward.body is not None
    assert b"[IBAN]" in forward.body
    assert IBAN.encode() not in forward.body


async def test_translated_for_its_deployment(world: World) -> None:
    change_candidates(world, "assistant-eu", endpoints=ENDPOINTS_OF[Dialect.ANTHROPIC])
    leave, body = await copied(world, max_tokens=50)
    forward = await forwarded(world, leave, body)
    assert forward.plan["wires"] == {EU: "/v1/messages"}
    assert forward.body is not None
    sent = json.loads(forward.body)
    assert sent["messages"] == [{"role": "user", "content": [{"type": "text", "text": "What is a monad?"}]}]
    assert sent["max_tokens"] == 50


async def test_other_bytes_are_no_copy(world: World) -> None:
    leave, body = await copied(world)
    before = world.held()
    assert await refused(world, leave, body + b" ") == "shadow_unproven"
    assert world.held() == before


async def test_under_another_policy_it_is_no_copy(world: World) -> None:
    leave, body = await copied(world)
    world.policy.snapshot = replace(world.policy.snapshot, digest="another")
    assert await refused(world, leave, body) == "shadow_unproven"
    assert isinstance(world.pipeline.shadowing.admit(sealed(leave, SHADOW_KEY)), Answer)


@pytest.mark.parametrize(
    "stopped", [("everything", ""), ("model", "assistant"), ("team", "demo"), ("jurisdiction", "FR")]
)
async def test_an_order_that_came_meanwhile_stops_it(world: World, stopped: tuple[str, str]) -> None:
    leave, body = await copied(world)
    before = world.held()
    world.orders.standing = Standing(stops={stopped: "for a test"})
    assert await refused(world, leave, body) == "stopped"
    assert world.held() == before


async def test_without_room_it_is_not_sent(world: World) -> None:
    leave, body = await copied(world)
    budget: BudgetRules = world.policy.snapshot.budget
    world.change("budget", budgets=tuple(replace(each, limit_nano=1) for each in budget.budgets))
    assert await refused(world, leave, body) == "budget_exhausted"
    world.change("budget", budgets=())
    assert await refused(world, leave, body) == "budget_missing"


@pytest.mark.parametrize("fault", ["is_full", "is_lost"])
async def test_what_cannot_be_recorded_is_not_sent_and_holds_nothing(world: World, fault: str) -> None:
    leave, body = await copied(world)
    before = world.held()
    setattr(world.audit, fault, True)
    decided = await world.pipeline.shadowing.decide(leave, body)
    assert isinstance(decided, Answer)
    assert code(decided) == "audit_unavailable"
    await world.pipeline.background.drain(5)
    assert world.held() == before


async def test_a_deployment_that_is_gone(world: World, caplog: pytest.LogCaptureFixture) -> None:
    leave, body = await copied(world)
    assert await refused(world, replace(leave, model="nobody"), body) == "internal_error"
    assert "KeyError" in caplog.text
    assert "monad" not in caplog.text


async def test_one_that_is_cancelled_holds_nothing(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    leave, body = await copied(world)
    before = world.held()
    monkeypatch.setattr(world.ledger, "reserve", lambda _: asyncio.Event().wait())
    task = asyncio.get_running_loop().create_task(world.pipeline.shadowing.decide(leave, body))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await world.pipeline.background.drain(5)
    assert world.held() == before
    record = world.audit.records[-1]
    assert isinstance(record, DecisionRecord)
    assert record.reason == "interrupted"
