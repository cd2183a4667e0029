"""The order in which a request's deployments are tried, in the real pipeline."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from gateway_ext.exchange import Estimate, Outcome, Usage, VerifiedClaims
from gateway_ext.response.forwarded import Forwarded
from gateway_ext.routing.measured import FAILURES_MAX, SAMPLES_MIN
from gateway_ext.routing.rules import VirtualModel
from gateway_ext.routing.strategies import By, Difficulty, Strategy
from tests.unit.pipeline_world import DEMO, World

US, EU = "simulator-us/assistant", "simulator-eu/assistant"
HARD = "Implement Dijkstra's algorithm in Rust, prove that it is right and analyse its complexity."


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    made = World(tmp_path)
    await made.ledger.open()
    yield made
    await made.ledger.close()


def change_model(world: World, **changes: Any) -> None:
    routing = world.policy.snapshot.routing
    model = dataclasses.replace(routing.models["assistant"], **changes)
    world.change("routing", models={**routing.models, "assistant": model})


def model(world: World) -> VirtualModel:
    return world.policy.snapshot.routing.models["assistant"]


async def order_of(world: World, content: str = "hi", subject: str = "demo@local") -> list[str]:
    body = json.dumps({"model": "assistant", "messages": [{"role": "user", "content": content}]}).encode()
    sent = await world.send_body(body, claims={"personal": VerifiedClaims({**DEMO, "sub": subject})})
    assert isinstance(sent, Forwarded)
    return [candidate.cluster for candidate in sent.forward.candidates]


def outcome(cluster: str, status: int = 200, seconds: float = 1.0, tried: tuple[str, ...] = ()) -> Outcome:
    return Outcome(
        exchange_id="",
        hold_id="",
        http_status=status,
        cluster=cluster,
        usage=Usage(10, 10),
        request_bytes=0,
        response_bytes=0,
        attempts=len(tried) or 1,
        duration_ns=round(seconds * 1e9),
        time_to_first_byte_ns=round(seconds * 1e9),
        saw_end_of_stream=True,
        settled_by="access_log",
        tried=tried,
    )


async def concluded(world: World, *outcomes: Outcome) -> None:
    await world.pipeline.conclude([(each, Estimate(0, 0)) for each in outcomes])


async def test_as_written_without_a_strategy(world: World) -> None:
    assert await order_of(world) == [US, EU]
    assert not any(rule.startswith("strategy:") for rule in world.decision.rules)


async def test_a_canary_grows_by_editing_its_weight(world: World) -> None:
    """From one request to the next, and nobody leaves it again."""
    in_canary: set[str] = set()
    for percent in (0, 10, 60, 100):
        weights = {US: 100 - percent, EU: percent}
        deployments = tuple(dataclasses.replace(d, weight=weights[d.cluster]) for d in model(world).deployments)
        change_model(world, strategy=Strategy(By.WEIGHTED, "assistant"), deployments=deployments)
        now = {subject for subject in map(str, range(30)) if (await order_of(world, subject=subject))[0] == EU}
        assert in_canary <= now
        in_canary = now
        assert "strategy:weighted" in world.decision.rules
    assert len(in_canary) == 30


async def test_the_cheapest_at_the_prices_of_the_book(world: World) -> None:
    change_model(world, strategy=Strategy(By.CHEAPEST))
    assert await order_of(world) == [EU, US]


async def test_the_fastest_as_outcomes_tell(world: World) -> None:
    change_model(world, strategy=Strategy(By.FASTEST, explored_share=0.0))
    assert await order_of(world) == [US, EU]
    samples = [outcome(US, seconds=2.0), outcome(EU, seconds=1.0)] * int(SAMPLES_MIN + 1)
    await concluded(world, *samples)
    assert await order_of(world) == [EU, US]


async def test_by_complexity(world: World) -> None:
    change_model(world, strategy=Strategy(By.COMPLEXITY, suits={US: Difficulty.COMPLEX, EU: Difficulty.SIMPLE}))
    assert await order_of(world, "What is the capital of France?") == [EU, US]
    assert "strategy:complexity:simple" in world.decision.rules
    assert await order_of(world, HARD) == [US, EU]


async def test_what_fails_comes_last_for_a_while(world: World) -> None:
    await concluded(world, *[outcome(US, 503)] * FAILURES_MAX)
    assert await order_of(world) == [EU, US]
    assert "strategy:priority+health" in world.decision.rules


async def test_attempts_that_a_fallback_made_good_count_as_failures(world: World) -> None:
    await concluded(world, *[outcome(EU, tried=(US, EU))] * FAILURES_MAX)
    assert await order_of(world) == [EU, US]


async def test_no_strategy_leads_where_the_content_must_not_go(world: World) -> None:
    change_model(world, strategy=Strategy(By.WEIGHTED, "assistant"))
    await concluded(world, *[outcome(EU, 503)] * FAILURES_MAX)
    assert await order_of(world, "Pay to DE89 3704 0044 0532 0130 00") == [EU]
