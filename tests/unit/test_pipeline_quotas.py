"""Quotas on the request path: what a caller is told, and what an end gives back."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gateway_ext.budget.priorities import Priority, PriorityClass, PriorityRule, PriorityRules
from gateway_ext.budget.rules import QuotaRule, Scope
from gateway_ext.exchange import Answer, CredentialClass, Outcome, Usage
from gateway_ext.quota import Unit
from gateway_ext.response.forwarded import Forwarded
from gateway_ext.tokens.counter import read_vocabularies
from tests.unit.pipeline_world import AWS_KEY, World, code

REQUESTS = QuotaRule("user-requests", Scope.USER, "*", Unit.REQUESTS, 2, 3_600)
TOKENS = QuotaRule("team-tokens", Scope.TEAM, "*", Unit.TOKENS, 10_000, 60)


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    made = World(tmp_path)
    await made.ledger.open()
    yield made
    await made.ledger.close()


async def ask(world: World, content: str = "Hello", **changes: Any) -> Forwarded | Answer:
    return await world.send(content, **({"max_tokens": 100} | changes))


async def test_without_quotas_nothing_is_told(world: World) -> None:
    decided = await ask(world)
    assert isinstance(decided, Forwarded)
    assert "limits" not in decided.forward.plan


async def test_what_is_left_goes_with_the_request(world: World) -> None:
    world.change("budget", quotas=(REQUESTS, TOKENS))
    decided = await ask(world)
    assert isinstance(decided, Forwarded)
    limits = decided.forward.plan["limits"]
    assert limits["x-ratelimit-remaining-requests"] == "1"
    assert limits["x-ratelimit-reset-requests"] == "30m0s"
    bounds = decided.estimate
    assert limits["x-ratelimit-remaining-tokens"] == str(10_000 - bounds.input_tokens - bounds.output_tokens)
    assert {"quota:user-requests", "quota:team-tokens"} <= set(world.decision.rules)


async def test_a_full_quota_is_a_429_that_says_when_to_come_back(world: World) -> None:
    world.change("budget", quotas=(REQUESTS,))
    await ask(world)
    await ask(world)
    held = world.held()
    answer = await ask(world)
    assert code(answer) == "rate_limited"
    assert isinstance(answer, Answer)
    assert answer.http_status == 429
    headers = dict(answer.headers)
    assert 1_795 <= int(headers["retry-after"]) <= 1_800
    assert headers["x-should-retry"] == "false", "SDKs do not wait for half an hour, but try again at once"
    assert headers["x-ratelimit-remaining-requests"] == "0"
    assert "'user-requests'" in json.loads(answer.body)["error"]["message"]
    assert (world.decision.reason, world.decision.refused_at) == ("rate_limited", "budget")
    assert world.held() == held


async def test_sdks_are_told_to_wait_for_what_comes_soon(world: World) -> None:
    world.change("budget", quotas=(QuotaRule("fast", Scope.USER, "*", Unit.REQUESTS, 2, 60),))
    answers = [await ask(world) for _ in range(3)]
    assert isinstance(answers[2], Answer)
    assert dict(answers[2].headers)["x-should-retry"] == "true"
    assert 28 <= int(dict(answers[2].headers)["retry-after"]) <= 30


async def test_a_request_larger_than_the_quota_is_not_worth_retrying(world: World) -> None:
    world.change("budget", quotas=(TOKENS,))
    answer = await ask(world, max_tokens=10_000)
    assert code(answer) == "rate_limited"
    assert isinstance(answer, Answer)
    assert "retry-after" not in dict(answer.headers)
    assert dict(answer.headers)["x-should-retry"] == "false"
    assert isinstance(await ask(world), Forwarded)


async def test_a_request_that_fits_once_it_is_counted_is_served(world: World) -> None:
    read_vocabularies(["o200k_base"])  # as a processor does when it takes a policy
    models = world.policy.snapshot.routing.models
    world.change("routing", models={**models, "assistant": replace(models["assistant"], tokenizer="o200k_base")})
    world.change("budget", quotas=(TOKENS,))
    decided = await ask(world, "A dozen words or so, again and again. " * 300, max_tokens=100)
    assert isinstance(decided, Forwarded)
    assert 2_000 < decided.estimate.input_tokens < 6_000
    told = decided.forward.plan["limits"]
    assert told["x-ratelimit-remaining-tokens"] == str(10_000 - decided.estimate.input_tokens - 100)


async def test_a_request_of_a_class_that_waits_is_served_late(world: World) -> None:
    shared = QuotaRule("team-requests", Scope.TEAM, "*", Unit.REQUESTS, 60, 6)  # ten a second
    waits = PriorityRules((PriorityClass(Priority.STANDARD, wait_seconds=2.0),))
    world.change("budget", quotas=(shared,), priorities=waits)
    answers = await asyncio.gather(*(ask(world) for _ in range(64)))
    assert all(isinstance(each, Forwarded) for each in answers)
    world.change("budget", priorities=PriorityRules())
    assert code(await ask(world)) == "rate_limited"


async def test_batch_may_use_a_part_of_a_shared_quota_only(world: World) -> None:
    shared = QuotaRule("team-requests", Scope.TEAM, "*", Unit.REQUESTS, 4, 3_600)
    batch = PriorityRules(
        (PriorityClass(Priority.BATCH, share_percent=50),),
        (PriorityRule(Priority.BATCH, credential_classes=frozenset({CredentialClass.PERSONAL})),),
    )
    world.change("budget", quotas=(shared,), priorities=batch)
    await ask(world)
    await ask(world)
    assert code(await ask(world)) == "rate_limited"
    world.change("budget", priorities=PriorityRules())
    await ask(world)
    assert isinstance(await ask(world), Forwarded)


async def test_what_the_guard_refuses_gives_back_all_but_its_request(world: World) -> None:
    world.change("budget", quotas=(REQUESTS, TOKENS))
    assert code(await ask(world, f"key {AWS_KEY}")) == "content_blocked"
    decided = await ask(world)
    assert isinstance(decided, Forwarded)
    limits = decided.forward.plan["limits"]
    assert limits["x-ratelimit-remaining-requests"] == "0"
    bounds = decided.estimate
    assert limits["x-ratelimit-remaining-tokens"] == str(10_000 - bounds.input_tokens - bounds.output_tokens)


async def test_what_was_not_used_is_there_again_after_the_end(world: World) -> None:
    streams = QuotaRule("streams", Scope.USER, "*", Unit.CONCURRENT, 1, 0)
    world.change("budget", quotas=(TOKENS, streams))
    first = await ask(world, max_tokens=9_000)
    assert isinstance(first, Forwarded)
    assert code(await ask(world)) == "rate_limited"
    outcome = Outcome(
        first.exchange.id,
        first.hold.id,
        200,
        "simulator-us/assistant",
        Usage(10, 10),
        100,
        100,
        1,
        1,
        1,
        saw_end_of_stream=True,
        settled_by="access_log",
    )
    await world.pipeline.conclude([(outcome, first.estimate)])
    second = await ask(world, max_tokens=9_000)
    assert isinstance(second, Forwarded)
