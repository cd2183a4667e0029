"""Step 2 of the pipeline with its real parts: what is held goes out as the request's limit, whatever there is room for."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from gateway_ext.budget.rules import BudgetRule
from gateway_ext.exchange import Answer
from gateway_ext.response.forwarded import Forwarded
from gateway_ext.tokens.counter import read_vocabularies
from tests.unit.pipeline_world import World, code

PROSE = "Budgets are kept by holding the most that a request can cost before any model is called. " * 40
OUTPUT_NANO = 10_000  # of a token of `assistant`, at its dearest
INPUT_NANO = 2_500


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    made = World(tmp_path)
    await made.ledger.open()
    yield made
    await made.ledger.close()


def set_limits(world: World, user_nano: int, team_nano: int = 10**15) -> None:
    def limit(rule: BudgetRule) -> BudgetRule:
        return dataclasses.replace(rule, limit_nano=user_nano if rule.name == "per-user" else team_nano)

    world.change("budget", budgets=tuple(limit(rule) for rule in world.policy.snapshot.budget.budgets))


def set_model(world: World, **changes: Any) -> None:
    read_vocabularies([changes.get("tokenizer", "")])  # as a processor does when it takes a policy
    models = world.policy.snapshot.routing.models
    world.change("routing", models={**models, "assistant": dataclasses.replace(models["assistant"], **changes)})


def sent(decided: Forwarded | Answer) -> dict[str, Any]:
    assert isinstance(decided, Forwarded)
    body = decided.forward.body
    return {} if body is None else dict(json.loads(body))


async def test_who_names_no_limit_gets_the_models(world: World) -> None:
    decided = await world.send("hi")
    assert sent(decided)["max_tokens"] == 4_096
    assert isinstance(decided, Forwarded)
    assert decided.estimate.output_tokens == 4_096
    assert "output_cap" not in decided.forward.plan


async def test_the_limit_is_set_where_the_model_reads_it(world: World) -> None:
    set_model(world, output_tokens_field="max_completion_tokens")
    assert "max_tokens" not in (body := sent(await world.send("hi")))
    assert body["max_completion_tokens"] == 4_096


async def test_without_room_for_all_the_answer_is_as_long_as_the_money(world: World) -> None:
    set_limits(world, 10_000 * OUTPUT_NANO, 1_000 * OUTPUT_NANO)
    decided = await world.send("hi", max_tokens=5_000, n=2)
    assert isinstance(decided, Forwarded)
    cap = sent(decided)["max_tokens"]
    assert decided.estimate.output_tokens == 2 * cap
    assert 450 < cap < 500
    assert decided.hold.amount_nano == decided.estimate.input_tokens * INPUT_NANO + 2 * cap * OUTPUT_NANO
    assert decided.hold.amount_nano <= 1_000 * OUTPUT_NANO < decided.hold.amount_nano + 2 * OUTPUT_NANO
    assert decided.forward.plan["output_cap"] == str(cap)
    assert world.decision.output_tokens_cap == cap
    assert world.decision.rules == ("access:people", "budget:per-user", "budget:per-team", "cap:per-team")
    assert world.held() == 2 * decided.hold.amount_nano


async def test_every_endpoint_is_limited_in_its_own_words(world: World) -> None:
    set_limits(world, 600 * OUTPUT_NANO)
    for path, document, field in (
        ("/v1/completions", {"prompt": "hi"}, "max_tokens"),
        ("/v1/responses", {"input": "hi"}, "max_output_tokens"),
        ("/v1/messages", {"messages": [{"role": "user", "content": "hi"}], "max_tokens": 9_999}, "max_tokens"),
    ):
        decided = await world.send_body(json.dumps({"model": "assistant", **document}).encode(), path=path)
        assert 500 < sent(decided)[field] < 600
        assert isinstance(decided, Forwarded)
        assert str(sent(decided)[field]) == decided.forward.plan["output_cap"]
        await world.ledger.void(decided.hold.id, "test")


async def test_too_little_for_an_answer_is_a_refusal(world: World) -> None:
    set_limits(world, 250 * OUTPUT_NANO)
    assert code(await world.send("hi")) == "budget_exhausted"
    assert (world.decision.output_tokens_cap, world.held()) == (0, 0)
    assert not isinstance(await world.send("hi", max_tokens=100), Answer)


async def test_policy_may_refuse_instead(world: World) -> None:
    world.change("budget", output_tokens_min=None)
    set_limits(world, 1_000 * OUTPUT_NANO)
    assert code(await world.send("hi")) == "budget_exhausted"


async def test_what_fits_once_it_is_counted_is_not_limited(world: World) -> None:
    set_model(world, tokenizer="o200k_base")
    set_limits(world, len(PROSE) * INPUT_NANO // 2 + 4_096 * OUTPUT_NANO)
    decided = await world.send(PROSE)
    assert isinstance(decided, Forwarded)
    assert decided.estimate.input_tokens < len(PROSE) / 2
    assert sent(decided)["max_tokens"] == 4_096
    assert world.decision.output_tokens_cap == 0


async def test_a_request_longer_than_the_context_is_refused_before_it_costs_anything(world: World) -> None:
    set_model(world, tokenizer="o200k_base", context_tokens=1_000)
    answer = await world.send(PROSE, max_tokens=500)
    assert code(answer) == "context_length_exceeded"
    assert isinstance(answer, Answer)
    assert answer.http_status == 400
    assert "maximum context length is 1000 tokens" in json.loads(answer.body)["error"]["message"]
    assert world.held() == 0


async def test_the_output_of_who_named_no_limit_gives_way_to_the_context(world: World) -> None:
    set_model(world, tokenizer="o200k_base", context_tokens=2_000)
    assert 1_000 < sent(await world.send(PROSE))["max_tokens"] < 1_400


async def test_where_nobody_can_count_the_provider_decides(world: World) -> None:
    set_model(world, context_tokens=1_000)
    assert isinstance(await world.send(PROSE, max_tokens=500), Forwarded)


@pytest.mark.parametrize(
    ("cuts", "is_stream", "events_max"), [(True, True, 28), (True, False, None), (False, True, None)]
)
async def test_a_stream_is_cut_behind_what_was_held_where_policy_asks_for_it(
    world: World, cuts: bool, is_stream: bool, events_max: int | None
) -> None:
    world.change("budget", cuts_over_hold=cuts)
    decided = await world.send("hi", max_tokens=10, n=2, stream=is_stream)
    assert isinstance(decided, Forwarded)
    assert decided.output_events_max == events_max
