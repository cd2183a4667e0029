"""A smaller model in place of a 429, and everything judged anew for it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from gateway_ext.budget.rules import BudgetRule, QuotaRule, Scope
from gateway_ext.exchange import Answer
from gateway_ext.quota import Unit
from gateway_ext.response.forwarded import Forwarded
from tests.unit.pipeline_world import World, code

NO_REQUESTS = QuotaRule("large-requests", Scope.ORGANISATION, "*", Unit.REQUESTS, 1, 3_600, models=("assistant",))


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    """Model `assistant` degrades to `small`, which is served by a deployment of its own at the European provider."""
    made = World(tmp_path)
    routing = made.policy.snapshot.routing
    large = routing.models["assistant"]
    european = replace(large.deployments[1], cluster="simulator-eu/small", model="small")
    small = replace(large, name="small", deployments=(european,))
    classes = {
        name: replace(each, clusters=each.clusters | {european.cluster}) for name, each in routing.data_classes.items()
    }
    made.change(
        "routing", data_classes=classes, models={"assistant": replace(large, degrade_to="small"), "small": small}
    )
    budget = made.policy.snapshot.budget
    prices = dict(budget.prices) | {"simulator-eu/small": budget.prices["simulator-eu/assistant"]}
    made.change("budget", prices=prices, quotas=(NO_REQUESTS,))
    await made.ledger.open()
    yield made
    await made.ledger.close()


async def forwarded(world: World, content: str = "Hello") -> Forwarded:
    decided = await world.send(content, max_tokens=100)
    assert isinstance(decided, Forwarded)
    return decided


async def test_what_has_no_room_goes_to_the_smaller_model(world: World) -> None:
    first = await forwarded(world)
    assert "degraded_from" not in first.forward.plan
    assert (world.decision.model, world.decision.model_asked) == ("assistant", "")
    second = await forwarded(world)
    assert [each.cluster for each in second.forward.candidates] == ["simulator-eu/small"]
    assert second.forward.body is not None
    assert json.loads(second.forward.body)["model"] == "small"
    assert second.forward.plan["degraded_from"] == "assistant"
    assert (world.decision.model, world.decision.model_asked) == ("small", "assistant")
    assert "degraded_from:assistant" in world.decision.rules


async def test_an_empty_budget_degrades_too(world: World) -> None:
    budgets = world.policy.snapshot.budget.budgets
    world.change(
        "budget", quotas=(), budgets=(*budgets, BudgetRule("large", Scope.USER, "*", 0, models=("assistant",)))
    )
    assert (await forwarded(world)).forward.plan["degraded_from"] == "assistant"


async def test_who_may_not_use_the_smaller_model_hears_of_the_larger_one(world: World) -> None:
    await forwarded(world)
    table = world.policy.snapshot.identity
    only_large = tuple(replace(rule, models=("assistant",)) for rule in table.access)
    world.change("identity", access=only_large)
    assert code(await world.send("Hello", max_tokens=100)) == "rate_limited"
    assert world.decision.model == "assistant"


async def test_where_both_have_no_room_the_larger_ones_refusal_is_told(world: World) -> None:
    both = replace(NO_REQUESTS, name="small-requests", models=("small",))
    world.change("budget", quotas=(NO_REQUESTS, both))
    await forwarded(world)
    await forwarded(world)
    answer = await world.send("Hello", max_tokens=100)
    assert code(answer) == "rate_limited"
    assert isinstance(answer, Answer)
    assert "'large-requests'" in json.loads(answer.body)["error"]["message"]


async def test_other_refusals_do_not_degrade(world: World) -> None:
    world.change("budget", budgets=())
    assert code(await world.send("Hello", max_tokens=100)) == "budget_missing"


async def test_a_degraded_request_that_is_cancelled_gives_its_money_back(world: World) -> None:
    await forwarded(world)
    held = world.held()
    task = asyncio.get_running_loop().create_task(world.send("Hello " * 300_000, max_tokens=100))
    await asyncio.sleep(0.005)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await world.pipeline.background.drain(5)
    assert world.held() == held
