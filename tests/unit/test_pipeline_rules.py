"""Rules and conditions of policy on the request path: what they know there, what they record, how they fail."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from gateway_ext.conditions.condition import compile_condition
from gateway_ext.conditions.vocabulary import ACCESS, GUARD, ROUTING, Vocabulary
from gateway_ext.exchange import Answer
from gateway_ext.guard.rules import Action, Override, RuleChange, Scope
from gateway_ext.identity.access import AccessRule
from gateway_ext.response.forwarded import Forwarded
from gateway_ext.routing.rules import Effect, RoutingRule
from tests.unit.pipeline_world import IBAN, World, code

US, EU = frozenset({"simulator-us/assistant"}), frozenset({"simulator-eu/assistant"})


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    made = World(tmp_path)
    await made.ledger.open()
    yield made
    await made.ledger.close()


def when(source: str, vocabulary: Vocabulary = ROUTING) -> dict[str, object]:
    return {"when": compile_condition(source, vocabulary, rule="rule:r")}


def rule(world: World, effect: Effect, source: str = "true", **fields: object) -> None:
    made = replace(RoutingRule("r", effect), **when(source), **fields)  # type: ignore[arg-type]  # fields of a rule
    world.change("routing", rules=(made,))


def clusters(decided: Forwarded | Answer) -> list[str]:
    assert isinstance(decided, Forwarded)
    return [each.cluster for each in decided.forward.candidates]


@pytest.mark.parametrize(
    ("source", "holds"),
    [
        ("caller.team == 'demo' && request.model == 'assistant' && !request.is_stream", True),
        ("request.endpoint == '/v1/chat/completions' && request.bytes > 10", True),
        ("tokens.input > 0 && tokens.output == 50", True),
        ("'iban' in data.detectors && 'sovereign' in data.classes", False),
        ("budget.degraded || budget.capped || budget.over != []", False),
        ("now > timestamp('2026-01-01T00:00:00Z')", True),
    ],
)
async def test_a_rule_knows_the_request(world: World, source: str, holds: bool) -> None:
    rule(world, Effect.PREFER, source, clusters=EU)
    decided = await world.send("Hello", max_tokens=50)
    assert clusters(decided) == [*(EU if holds else US), *(US if holds else EU)]
    assert ("rule:r" in world.decision.rules) is holds


async def test_a_rule_knows_what_was_found(world: World) -> None:
    rule(world, Effect.DENY, "'iban' in data.detectors && 'sovereign' in data.classes", message="Not by this way.")
    answer = await world.send(f"Pay to {IBAN}")
    assert code(answer) == "route_denied"
    assert isinstance(answer, Answer)
    assert b"Not by this way." in answer.body
    assert {"class:personal", "rule:r"} <= set(world.decision.rules)
    assert (world.decision.refused_at, world.held()) == ("route", 0)


async def test_rules_that_leave_nothing_refuse(world: World) -> None:
    rule(world, Effect.WITHOUT, clusters=US | EU)
    assert code(await world.send("Hello")) == "route_denied"


async def test_what_cannot_be_judged_refuses_and_gives_the_money_back(world: World) -> None:
    rule(world, Effect.PREFER, "int(caller.team) > 3", clusters=EU)
    assert code(await world.send("Hello")) == "condition_failed"
    assert "rule:r" in world.decision.rules
    assert world.held() == 0


async def test_access_by_condition(world: World) -> None:
    allowing = AccessRule("c", ("*",), **when("caller.team == 'demo' && now > timestamp(0)", ACCESS))  # type: ignore[arg-type]  # a condition
    world.change("identity", access=(allowing,))
    assert isinstance(await world.send("Hello"), Forwarded)
    never = replace(allowing, **when("caller.team == 'other'", ACCESS))  # type: ignore[arg-type]  # a condition
    world.change("identity", access=(never,))
    assert code(await world.send("Hello")) == "model_not_allowed"


async def test_an_override_of_the_guard_by_condition(world: World) -> None:
    block = {"personal": RuleChange(Action.BLOCK)}
    override = Override("o", Scope(), block, {}, **when("request.bytes > 200", GUARD))  # type: ignore[arg-type]  # a condition
    world.change("guard", overrides=(override,))
    assert isinstance(await world.send(f"Pay to {IBAN}"), Forwarded)
    assert code(await world.send(f"Pay to {IBAN}{' please' * 50}")) == "content_blocked"
