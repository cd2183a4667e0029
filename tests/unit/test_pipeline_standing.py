"""Revoked, disabled, stopped: what the pipeline makes of it, at which step, and what is left of money and records."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from gateway_ext.audit.events import EventName
from gateway_ext.errors import StandingUnavailable, Stopped
from gateway_ext.exchange import Answer, Endpoint, Interface, ResponseReading, Text
from gateway_ext.guard.rules import GuardRules
from gateway_ext.response.forwarded import Forwarded
from gateway_ext.response.stream import MeteredOnly
from gateway_ext.standing.directives import Directive, Measure, Scope, Target
from gateway_ext.standing.standing import Standing
from gateway_ext.verdict import Verdict
from tests.unit.pipeline_world import ENGINE, World, code, request_head

EVENTS = "text/event-stream"
REVOKED = Target(Measure.REVOKED, Scope.CREDENTIAL, "credential-1")


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    world = World(tmp_path)
    await world.ledger.open()
    yield world
    await world.ledger.close()


def stopped(scope: Scope, value: str = "") -> Target:
    return Target(Measure.STOPPED, scope, value)


def order(world: World, *targets: Target) -> None:
    world.orders.standing = Standing.of([Directive(target, "ops", "incident 7", 1) for target in targets], 2)


async def forwarded(world: World, **changes: Any) -> Forwarded:
    decided = await world.send("Hello", **changes)
    assert isinstance(decided, Forwarded)
    return decided


@pytest.mark.parametrize(
    ("target", "status", "refusal"),
    [
        (REVOKED, 401, "credential_revoked"),
        (Target(Measure.DISABLED, Scope.PERSON, "demo@local"), 403, "person_disabled"),
        (Target(Measure.DISABLED, Scope.PERSON, "demo@local", "personal"), 403, "person_disabled"),
        (stopped(Scope.EVERYTHING), 503, "stopped"),
        (stopped(Scope.TEAM, "demo"), 503, "stopped"),
        (stopped(Scope.CREDENTIAL, "credential-1"), 503, "stopped"),
        (stopped(Scope.PERSON, "demo@local"), 503, "stopped"),
    ],
)
async def test_what_is_the_caller_s_is_refused_by_the_head_alone(
    world: World, target: Target, status: int, refusal: str
) -> None:
    order(world, target)
    answer = world.pipeline.admit(request_head())
    assert isinstance(answer, Answer)
    assert (answer.http_status, code(answer)) == (status, refusal)
    assert dict(answer.headers)["x-should-retry"] == "false"
    assert world.decision.refused_at == "authenticate"
    assert world.decision.principal is not None
    assert ("incident 7" in answer.body.decode()) is (refusal == "stopped")


async def test_an_order_given_while_the_body_was_sent_counts(world: World) -> None:
    admitted = world.pipeline.admit(request_head())
    assert not isinstance(admitted, Answer)
    order(world, REVOKED)
    body = json.dumps({"model": "assistant", "messages": [{"role": "user", "content": "Hello"}]}).encode()
    assert code(await world.pipeline.decide(admitted, body)) == "credential_revoked"
    assert world.held() == 0


async def test_an_order_given_while_the_guard_reads_counts_and_releases_the_money(tmp_path: Path) -> None:
    class Slow:
        async def inspect(self, texts: Sequence[Text], rules: GuardRules) -> Verdict:
            order(slow, stopped(Scope.MODEL, "assistant"))
            return await ENGINE.inspect(texts, rules)

    slow = World(tmp_path, Slow())
    await slow.ledger.open()
    assert code(await slow.send("Hello")) == "stopped"
    assert slow.decision.refused_at == "route"
    assert (slow.held(), slow.posted()) == (0, 0)
    await slow.ledger.close()


@pytest.mark.parametrize(
    ("target", "left"),
    [
        (stopped(Scope.PROVIDER, "simulator-us"), {"simulator-eu"}),
        (stopped(Scope.JURISDICTION, "FR"), {"simulator-us"}),
        (stopped(Scope.PROVIDER, "another"), {"simulator-us", "simulator-eu"}),
    ],
)
async def test_stopped_deployments_are_left_out_of_the_plan(world: World, target: Target, left: set[str]) -> None:
    order(world, target)
    assert {each.provider for each in (await forwarded(world)).forward.candidates} == left


@pytest.mark.parametrize(
    "targets",
    [
        (stopped(Scope.MODEL, "assistant"),),
        (stopped(Scope.PROVIDER, "simulator-us"), stopped(Scope.JURISDICTION, "FR")),
    ],
)
async def test_a_model_with_nothing_left_is_stopped_before_money_is_held(
    world: World, targets: tuple[Target, ...]
) -> None:
    order(world, *targets)
    answer = await world.send("Hello")
    assert code(answer) == "stopped"
    assert isinstance(answer, Answer)
    error = json.loads(answer.body)["error"]
    assert (error["param"], "incident 7" in error["message"]) == ("model", True)
    assert world.decision.hold_id == ""


async def test_sovereign_content_does_not_go_elsewhere_because_its_place_is_stopped(world: World) -> None:
    order(world, stopped(Scope.PROVIDER, "simulator-eu"))
    assert code(await world.send("Please pay to DE89 3704 0044 0532 0130 00")) == "no_sovereign_route"


async def test_stopped_models_are_not_listed(world: World) -> None:
    def listed() -> set[str]:
        answer = world.pipeline.admit(request_head(path=Endpoint.MODELS, method="GET"))
        assert isinstance(answer, Answer)
        return {each["id"] for each in json.loads(answer.body)["data"]}

    assert "assistant" in listed()
    order(world, stopped(Scope.MODEL, "assistant"))
    assert "assistant" not in listed()


async def test_when_nobody_knows_what_is_in_force_everything_is_refused(world: World) -> None:
    world.orders.standing = StandingUnavailable()
    answer = world.pipeline.admit(request_head())
    assert isinstance(answer, Answer)
    assert (answer.http_status, code(answer)) == (503, "standing_unavailable")
    assert dict(answer.headers)["x-should-retry"] == "true"
    assert world.decision.name is EventName.DECISION_REFUSED


async def test_the_head_of_a_stranger_tells_nothing_about_orders(world: World) -> None:
    order(world, stopped(Scope.EVERYTHING))
    assert code(world.pipeline.admit(request_head(claims={}))) == "unauthenticated"  # type: ignore[arg-type]  # an Answer
    assert request_head().interface is Interface.PUBLIC


async def test_a_further_attempt_does_not_go_where_it_was_stopped_meanwhile(world: World) -> None:
    first = (await forwarded(world)).forward.candidates[0]
    models, body = (
        {"models": {first.cluster: first.model}},
        json.dumps({"model": "assistant", "messages": [{"role": "user", "content": "Hello"}]}).encode(),
    )
    world.pipeline.retarget(models, first.cluster, body)
    order(world, stopped(Scope.PROVIDER, first.provider))
    with pytest.raises(Stopped):
        world.pipeline.retarget(models, first.cluster, body)


# --- streams under way ------------------------------------------------------------------------------------------------


async def test_unless_policy_says_so_no_stream_is_read_for_orders(world: World) -> None:
    decided = await forwarded(world, stream=True, stream_options={"include_usage": True})
    assert not decided.may_be_cut
    assert not decided.reads_response


async def test_streams_that_may_be_cut_are_read_and_nothing_else(world: World) -> None:
    world.change("routing", cuts_streams=True)
    decided = await forwarded(world, stream=True, stream_options={"include_usage": True})
    assert decided.reads_response
    assert world.pipeline.answers.choose(decided, 200, EVENTS, "") is ResponseReading.STREAM
    assert isinstance(world.pipeline.answers.stream(decided), MeteredOnly)
    assert world.pipeline.answers.choose(decided, 200, "application/json", "") is ResponseReading.NOTHING
    assert world.pipeline.answers.choose(decided, 500, EVENTS, "") is ResponseReading.NOTHING
    unreadable = world.pipeline.answers.choose(decided, 200, EVENTS, "gzip")
    assert isinstance(unreadable, Answer)
    assert unreadable.reason == "answer_uninspected"
    assert not (await forwarded(world)).reads_response


@pytest.mark.parametrize("cuts_streams", [False, True])
async def test_a_whole_answer_under_way_comes_to_its_end(world: World, cuts_streams: bool) -> None:
    world.change("routing", cuts_streams=cuts_streams)
    world.change("guard", inspects_responses=True)
    decided = await forwarded(world)
    order(world, REVOKED, stopped(Scope.EVERYTHING))
    assert not decided.may_be_cut
    assert world.pipeline.answers.choose(decided, 200, "application/json", "") is ResponseReading.WHOLE
    body = json.dumps({"choices": [{"message": {"content": "Hello"}}]}).encode()
    assert not isinstance(await world.pipeline.answers.pass_whole(decided, body), Answer)
    assert code(await world.send("Hello")) == "credential_revoked"


@pytest.mark.parametrize(
    ("target", "refusal"),
    [
        (REVOKED, "credential_revoked"),
        (stopped(Scope.EVERYTHING), "stopped"),
        (stopped(Scope.MODEL, "assistant"), "stopped"),
        (stopped(Scope.JURISDICTION, "FR"), "stopped"),
        (stopped(Scope.TEAM, "another"), ""),
        (stopped(Scope.MODEL, "another"), ""),
    ],
)
async def test_a_stream_ends_for_orders_that_concern_it(world: World, target: Target, refusal: str) -> None:
    world.change("routing", cuts_streams=True)
    decided = await forwarded(world, stream=True)
    assert world.pipeline.answers.stopped(decided) is None
    change = world.pipeline.answers.standing_change()
    assert isinstance(change, asyncio.Future)
    order(world, target)
    reason = world.pipeline.answers.stopped(decided)
    assert (reason.code if reason else "") == refusal
    reading = world.pipeline.answers.choose(decided, 200, EVENTS, "")  # one that has not begun yet
    if refusal:
        assert isinstance(reading, Answer)
        assert reading.reason == refusal
    else:
        assert reading is ResponseReading.STREAM


async def test_a_store_that_cannot_be_read_ends_no_stream(world: World) -> None:
    world.change("routing", cuts_streams=True)
    decided = await forwarded(world, stream=True)
    world.orders.standing = StandingUnavailable()
    assert world.pipeline.answers.stopped(decided) is None
