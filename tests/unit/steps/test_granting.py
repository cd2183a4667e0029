"""What a caller may use of the model that policy names in place of another one."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gateway_ext.response.forwarded import Forwarded
from gateway_ext.standing.directives import Directive, Measure, Scope, Target
from gateway_ext.standing.standing import Standing
from tests.unit.pipeline_world import IBAN, World, code

ASKED, INSTEAD = "frontier-only", "assistant-eu"


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    """`frontier-only` has a deployment in the US; personal content goes to those of `assistant-eu` instead."""
    made = World(tmp_path)
    models = dict(made.policy.snapshot.routing.models)
    substitutes = tuple(replace(each, substitute_for=ASKED) for each in models[INSTEAD].deployments)
    asked = models[ASKED]
    models[ASKED] = replace(asked, deployments=asked.deployments + substitutes, otherwise=INSTEAD)
    made.change("routing", models=models)
    await made.ledger.open()
    yield made
    await made.ledger.close()


def grant(world: World, *models: str, **more: Any) -> None:
    everyone = world.policy.snapshot.identity.access[0]
    world.change("identity", access=(replace(everyone, models=models, **more),))


async def clusters(world: World, content: str) -> list[str]:
    decided = await world.send(content, model=ASKED)
    assert isinstance(decided, Forwarded)
    return [candidate.cluster for candidate in decided.forward.candidates]


async def test_it_serves_what_none_of_the_models_own_may(world: World) -> None:
    assert await clusters(world, "Hello") == ["simulator-us/frontier-only"]
    assert await clusters(world, f"Pay to {IBAN}") == ["simulator-eu/assistant"]
    assert "otherwise:assistant-eu" in world.decision.rules


async def test_whoever_may_not_use_it_does_not_get_it_by_way_of_another(world: World) -> None:
    grant(world, ASKED)
    assert await clusters(world, "Hello") == ["simulator-us/frontier-only"]
    assert code(await world.send(f"Pay to {IBAN}", model=ASKED)) == "no_sovereign_route"
    grant(world, INSTEAD)
    assert code(await world.send(f"Pay to {IBAN}", model=ASKED)) == "model_not_allowed"


async def test_tiers_of_the_grant_hold_for_it_as_well(world: World) -> None:
    grant(world, "*", tiers=frozenset({"frontier"}))
    assert code(await world.send(f"Pay to {IBAN}", model=ASKED)) == "no_sovereign_route"


async def test_a_stop_of_it_is_not_got_around(world: World) -> None:
    target = Target(Measure.STOPPED, Scope.MODEL, INSTEAD)
    world.orders.standing = Standing.of([Directive(target, "ops", "incident 7", 1)], 2)
    assert await clusters(world, "Hello") == ["simulator-us/frontier-only"]
    assert code(await world.send(f"Pay to {IBAN}", model=ASKED)) == "no_sovereign_route"
