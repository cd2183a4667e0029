"""Requests whose deployments speak another wire format: judged as they came, translated as they go, answers translated back."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gateway_ext.exchange import ENDPOINTS_OF, Answer, Candidate, Dialect, Endpoint, ResponseReading
from gateway_ext.guard.rules import Action, DetectorRule
from gateway_ext.response.duty import Inspected
from gateway_ext.response.forwarded import Forwarded
from tests.unit.pipeline_world import AWS_KEY, IBAN, World, code

OPENAI, ANTHROPIC = ENDPOINTS_OF[Dialect.OPENAI], ENDPOINTS_OF[Dialect.ANTHROPIC]
SAID = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "model": "large",
    "content": [{"type": "text", "text": "Guten Tag"}],
    "stop_reason": "end_turn",
    "stop_sequence": None,
    "usage": {"input_tokens": 3, "output_tokens": 2},
}


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    made = World(tmp_path)
    await made.ledger.open()
    yield made
    await made.ledger.close()


def speak(world: World, *endpoints: frozenset[Endpoint]) -> tuple[Candidate, ...]:
    """Have the deployments of `assistant` serve these endpoints, in order; under names of their own for the model."""
    model = world.policy.snapshot.routing.models["assistant"]
    spoken = tuple(
        replace(each, endpoints=served, model=f"large-{each.jurisdiction}")
        for each, served in zip(model.deployments, endpoints, strict=True)
    )
    models = {**world.policy.snapshot.routing.models, "assistant": replace(model, deployments=spoken)}
    world.change("routing", models=models)
    return spoken


async def forwarded(world: World, content: object = "Guten Tag", **changes: Any) -> Forwarded:
    decided = await world.send(content, **changes)
    assert isinstance(decided, Forwarded)
    return decided


async def test_where_all_speak_one_other_format_the_body_is_in_it_at_once(world: World) -> None:
    us, eu = speak(world, ANTHROPIC, ANTHROPIC)
    decided = await forwarded(world, max_tokens=50)
    assert decided.forward.body is not None
    sent = json.loads(decided.forward.body)
    assert (sent["model"], sent["max_tokens"]) == (us.model, 50)
    assert "Guten Tag" in json.dumps(sent["messages"])
    assert not decided.forward.retargets_first
    assert decided.forward.plan["wires"] == {us.cluster: "/v1/messages", eu.cluster: "/v1/messages"}
    assert decided.reads_response
    plan = {**decided.forward.plan, "models": {each.cluster: each.model for each in (us, eu)}}
    again = json.loads(world.pipeline.retarget(plan, eu.cluster, decided.forward.body))
    assert again == {**sent, "model": eu.model}


@pytest.mark.parametrize("first_is_native", [True, False])
async def test_where_formats_differ_each_attempt_is_translated_from_the_callers(
    world: World, first_is_native: bool
) -> None:
    deployments = speak(world, *((OPENAI, ANTHROPIC) if first_is_native else (ANTHROPIC, OPENAI)))
    decided = await forwarded(world, max_tokens=50, stream=True)
    body = decided.forward.body
    assert body is not None
    assert decided.forward.retargets_first is not first_is_native
    assert json.loads(body)["stream_options"] == {"include_usage": True}
    plan = {**decided.forward.plan, "models": {each.cluster: each.model for each in deployments}}
    for each in deployments:
        sent = json.loads(world.pipeline.retarget(plan, each.cluster, body))
        assert sent["model"] == each.model
        assert ("stream_options" in sent) is (each.endpoints is OPENAI)
        assert "Guten Tag" in json.dumps(sent)


async def test_a_caller_whose_format_nobody_serves_is_translated_for_each(world: World) -> None:
    chat = frozenset({Endpoint.CHAT_COMPLETIONS})
    us, eu = speak(world, chat, ANTHROPIC)
    asked = {"model": "assistant", "input": "Guten Tag", "max_output_tokens": 50}
    decided = await world.send_body(json.dumps(asked).encode(), path=Endpoint.RESPONSES.value)
    assert isinstance(decided, Forwarded)
    body = decided.forward.body
    assert body is not None
    assert decided.forward.retargets_first
    plan = {**decided.forward.plan, "models": {each.cluster: each.model for each in (us, eu)}}
    for each in (us, eu):
        sent = json.loads(world.pipeline.retarget(plan, each.cluster, body))
        assert sent["model"] == each.model
        assert "Guten Tag" in json.dumps(sent["messages"])
    assert set(decided.translations) == {us.cluster, eu.cluster}


async def test_what_is_judged_is_what_the_caller_sent(world: World) -> None:
    speak(world, ANTHROPIC, ANTHROPIC)
    assert code(await world.send(f"key: {AWS_KEY}")) == "content_blocked"
    world.change_guard(detectors={"iban": DetectorRule(Action.REDACT)})
    decided = await forwarded(world, f"Pay to {IBAN}")
    assert decided.forward.body is not None
    assert IBAN.encode() not in decided.forward.body
    assert decided.decision.findings[0].place == "/messages/0/content"


async def test_a_deployment_that_cannot_be_told_everything_is_left_out(world: World) -> None:
    _, eu = speak(world, ANTHROPIC, OPENAI)
    decided = await forwarded(world, logprobs=True)
    assert decided.forward.candidates == (eu,)
    assert decided.decision.candidates == (eu,)
    assert not decided.translations
    held = world.held()
    speak(world, ANTHROPIC, ANTHROPIC)
    refused = await world.send("hi", logprobs=True)
    assert code(refused) == "not_translatable"
    assert isinstance(refused, Answer)
    assert json.loads(refused.body)["error"]["param"] == "logprobs"
    assert world.held() == held


async def test_unknown_fields_are_refused_or_carried_over_as_policy_says(world: World) -> None:
    speak(world, ANTHROPIC, ANTHROPIC)
    assert code(await world.send("hi", no_such_field=7)) == "not_translatable"
    world.change("routing", keeps_unknown_fields=True)
    decided = await forwarded(world, no_such_field=7)
    assert decided.forward.body is not None
    assert json.loads(decided.forward.body)["no_such_field"] == 7


async def test_an_answer_comes_back_in_the_callers_format(world: World) -> None:
    us, eu = speak(world, ANTHROPIC, OPENAI)
    decided = await forwarded(world)
    answers = world.pipeline.answers
    assert answers.choose(decided, 200, "application/json", "", us.cluster) is ResponseReading.WHOLE
    assert answers.choose(decided, 200, "application/json", "", eu.cluster) is ResponseReading.NOTHING
    passed = await answers.pass_whole(decided, json.dumps(SAID).encode(), 200, us.cluster)
    assert isinstance(passed, Inspected)
    assert passed.body is not None
    said = json.loads(passed.body)
    assert said["choices"][0]["message"]["content"] == "Guten Tag"
    assert said["usage"]["total_tokens"] == 5
    error = {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}
    failed = await answers.pass_whole(decided, json.dumps(error).encode(), 529, us.cluster)
    assert isinstance(failed, Inspected)
    assert failed.body is not None
    assert json.loads(failed.body)["error"]["message"] == "Overloaded"


@pytest.mark.parametrize(
    ("status", "media_type", "coding"),
    [(200, "text/html", ""), (200, "application/json", "gzip"), (503, "text/html", "")],
)
async def test_an_answer_that_cannot_be_translated_is_replaced(
    world: World, status: int, media_type: str, coding: str
) -> None:
    us, _ = speak(world, ANTHROPIC, ANTHROPIC)
    answer = world.pipeline.answers.choose(await forwarded(world), status, media_type, coding, us.cluster)
    assert isinstance(answer, Answer)
    assert answer.http_status == (502 if status == 200 else status)
    assert code(answer) == "answer_uninspected"


async def test_the_answer_of_a_cluster_that_the_verdict_does_not_name_is_not_passed_on(world: World) -> None:
    speak(world, ANTHROPIC, ANTHROPIC)
    decided = await forwarded(world)
    with pytest.raises(KeyError):
        world.pipeline.answers.choose(decided, 200, "application/json", "", "elsewhere/large")


@pytest.mark.parametrize("asks_for_usage", [True, False])
async def test_a_stream_is_translated_behind_the_guard(world: World, asks_for_usage: bool) -> None:
    world.change_guard(detectors={"iban": DetectorRule(Action.REDACT)})
    world.change("guard", inspects_responses=True)
    us, _ = speak(world, ANTHROPIC, ANTHROPIC)
    options = {"stream_options": {"include_usage": True}} if asks_for_usage else {}
    decided = await forwarded(world, stream=True, **options)
    stream = world.pipeline.answers.stream(decided, us.cluster)
    out = b"".join([await stream.feed(event) for event in _events(f"Pay to {IBAN} please")]) + await stream.finish()
    chunks = [json.loads(line[6:]) for line in out.split(b"\n\n") if line.startswith(b"data: {")]
    text = "".join(choice["delta"].get("content") or "" for each in chunks for choice in each["choices"])
    assert text.startswith("Pay to ")
    assert text.endswith(" please")
    assert IBAN not in text
    assert any(each.get("usage") for each in chunks) is asks_for_usage
    assert out.endswith(b"data: [DONE]\n\n")
    assert stream.usage is not None
    assert (stream.usage.input_tokens, stream.usage.output_tokens) == (3, 9)
    assert stream.inspected is not None
    assert [finding.detector for finding in stream.inspected.findings] == ["iban"]


def _events(text: str) -> list[bytes]:
    start = {**SAID, "content": [], "stop_reason": None, "usage": {"input_tokens": 3, "output_tokens": 1}}
    deltas = [text[at : at + 5] for at in range(0, len(text), 5)]
    events: list[dict[str, Any]] = [
        {"type": "message_start", "message": start},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        *({"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": d}} for d in deltas),
        {"type": "content_block_stop", "index": 0},
        {
            "type": "message_delta",
            "delta": {"stop_reason": "end_turn", "stop_sequence": None},
            "usage": {"output_tokens": 9},
        },
        {"type": "message_stop"},
    ]
    return [f"event: {each['type']}\ndata: {json.dumps(each)}\n\n".encode() for each in events]
