"""Providers that call fields otherwise, or refuse them: each attempt is sent what its provider takes."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gateway_ext.exchange import ENDPOINTS_OF, Dialect
from gateway_ext.response.forwarded import Forwarded
from tests.unit.pipeline_world import World

MISTRAL = {"stream_options": "", "max_completion_tokens": "max_tokens", "seed": "random_seed"}


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    made = World(tmp_path)
    await made.ledger.open()
    yield made
    await made.ledger.close()


def name_fields(world: World, **names: dict[str, str]) -> None:
    providers = world.policy.snapshot.routing.providers
    changed = {f"simulator-{place}": fields for place, fields in names.items()}
    renamed = {
        name: replace(each, field_names=changed.get(name, {})) if name in changed else each
        for name, each in providers.items()
    }
    world.change("routing", providers=renamed)


async def attempts(world: World, **asked: Any) -> list[dict[str, Any]]:
    """What each deployment is sent, in order; the first as Envoy sends it."""
    decided = await world.send("Guten Tag", stream=True, **asked)
    assert isinstance(decided, Forwarded)
    forward = decided.forward
    assert forward.body is not None
    plan = {**forward.plan, "models": {each.cluster: each.model for each in forward.candidates}}
    sent = [world.pipeline.retarget(plan, each.cluster, forward.body) for each in forward.candidates]
    if not forward.retargets_first:
        assert sent[0] == forward.body
    return [json.loads(body) for body in sent]


async def test_where_all_call_them_the_same_the_body_says_it_so_at_once(world: World) -> None:
    name_fields(world, us=MISTRAL, eu=MISTRAL)
    for sent in await attempts(world, seed=7, max_tokens=20):
        assert "stream_options" not in sent
        assert (sent["random_seed"], "seed" in sent, sent["max_tokens"]) == (7, False, 20)
        assert sent["stream"] is True


@pytest.mark.parametrize("first", [True, False])
async def test_where_they_differ_each_is_sent_its_own(world: World, first: bool) -> None:
    name_fields(world, **{"us" if first else "eu": MISTRAL})
    us, eu = await attempts(world, seed=7)
    renamed, usual = (us, eu) if first else (eu, us)
    assert ("stream_options" in renamed, renamed["random_seed"]) == (False, 7)
    assert (usual["stream_options"], usual["seed"]) == ({"include_usage": True}, 7)


async def test_a_body_in_another_wire_format_is_named_after_it_is_translated(world: World) -> None:
    name_fields(world, us={"max_tokens": "max_output"})
    model = world.policy.snapshot.routing.models["assistant"]
    us, eu = model.deployments
    spoken = (
        replace(us, endpoints=ENDPOINTS_OF[Dialect.ANTHROPIC]),
        replace(eu, endpoints=ENDPOINTS_OF[Dialect.OPENAI]),
    )
    models = {**world.policy.snapshot.routing.models, "assistant": replace(model, deployments=spoken)}
    world.change("routing", models=models)
    translated, plain = await attempts(world, max_tokens=20)
    assert (translated["max_output"], "max_tokens" in translated) == (20, False)
    assert plain["max_tokens"] == 20


async def test_without_names_of_its_own_nothing_changes(world: World) -> None:
    decided = await world.send("Guten Tag")
    assert isinstance(decided, Forwarded)
    assert "field_names" not in decided.forward.plan
    assert not decided.forward.retargets_first
