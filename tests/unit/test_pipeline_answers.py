"""The way back: which answers are read, what is owed to them, and what the trail says about it."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from gateway_ext.audit.events import EventName
from gateway_ext.clock import SystemClock
from gateway_ext.exchange import Answer, ResponseReading
from gateway_ext.guard.confidential.canary import new_canary
from gateway_ext.guard.rules import Action, DetectorRule
from gateway_ext.pipeline import Pipeline
from gateway_ext.response.forwarded import Forwarded
from gateway_ext.response.stream import GuardedStream, MeteredOnly
from tests.unit.pipeline_world import ENGINE, IBAN, World, code

JSON, EVENTS = "application/json", "text/event-stream"
READS = ResponseReading


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    world = World(tmp_path)
    await world.ledger.open()
    yield world
    await world.ledger.close()


def rule(world: World, **detectors: Action) -> None:
    """Rules for requests and answers."""
    rules = {name: DetectorRule(action) for name, action in detectors.items()}
    world.change_guard(detectors={**world.policy.snapshot.guard.request.detectors, **rules})


async def forwarded(world: World, content: str = "Hello", **changes: Any) -> Forwarded:
    decided = await world.send(content, **changes)
    assert isinstance(decided, Forwarded)
    return decided


def sent(decided: Forwarded) -> Any:
    assert decided.forward.body is not None
    return json.loads(decided.forward.body)["messages"][0]["content"]


def said(content: str) -> bytes:
    return json.dumps({"choices": [{"message": {"content": content}}]}).encode()


def content_of(body: bytes | None) -> Any:
    assert body is not None
    return json.loads(body)["choices"][0]["message"]["content"]


@pytest.mark.parametrize(
    ("status", "media_type", "coding", "expected"),
    [
        (200, JSON, "", READS.WHOLE),
        (200, EVENTS, "identity", READS.STREAM),
        (429, JSON, "", READS.WHOLE),  # errors repeat what they complain about
        (422, "application/problem+json", "", READS.WHOLE),
        (200, JSON, "gzip", 502),
        (200, "text/html", "", 502),
        (200, "", "", 502),
        (503, "text/html", "", 503),
    ],
)
async def test_what_is_to_be_inspected_is_read_or_withheld(
    world: World, status: int, media_type: str, coding: str, expected: ResponseReading | int
) -> None:
    world.change("guard", inspects_responses=True)
    reading = world.pipeline.answers.choose(await forwarded(world), status, media_type, coding)
    if isinstance(reading, Answer):
        assert (reading.http_status, code(reading)) == (expected, "answer_uninspected")
        assert world.decision.action == "withhold"
    else:
        assert reading is expected


async def test_without_a_duty_nothing_is_read(world: World) -> None:
    decided = await forwarded(world, stream=True, stream_options={"include_usage": True})
    assert not decided.duty
    assert not decided.reads_response
    assert world.pipeline.answers.choose(decided, 200, EVENTS, "") is READS.NOTHING
    assert isinstance(world.pipeline.answers.stream(decided), MeteredOnly)


async def test_pseudonyms_go_out_and_come_back(world: World) -> None:
    rule(world, email=Action.PSEUDONYMIZE, iban=Action.PSEUDONYMIZE)
    decided = await forwarded(world, f"Ask ada@example.eu, bob@example.eu or Ada@example.eu about {IBAN}")
    assert sent(decided) == "Ask <EMAIL_1>, <EMAIL_2> or <EMAIL_1> about <IBAN_1>"
    assert world.pipeline.answers.choose(decided, 200, JSON, "") is READS.WHOLE
    answer = await world.pipeline.answers.pass_whole(decided, said("<EMAIL_1> knows <IBAN_1>"))
    assert not isinstance(answer, Answer)
    assert content_of(answer.body) == f"ada@example.eu knows {IBAN}"


async def test_pseudonyms_of_one_request_mean_nothing_in_another(world: World) -> None:
    rule(world, email=Action.PSEUDONYMIZE)
    await forwarded(world, "I am ada@example.eu")
    other = await forwarded(world, "I am bob@example.eu, who is <EMAIL_1>?")
    assert sent(other) == "I am <EMAIL_2>, who is <EMAIL_1>?"
    answer = await world.pipeline.answers.pass_whole(other, said("<EMAIL_1> and <EMAIL_2>"))
    assert not isinstance(answer, Answer)
    assert content_of(answer.body) == "<EMAIL_1> and bob@example.eu"


async def test_the_next_turn_gets_the_same_pseudonyms(world: World) -> None:
    rule(world, email=Action.PSEUDONYMIZE)
    turns = [
        {"role": "user", "content": "Write to ada@example.eu"},
        {"role": "assistant", "content": "Done: ada@example.eu"},
        {"role": "user", "content": "And to bob@example.eu"},
    ]
    body = {"model": "assistant", "messages": turns}
    decided = await world.send_body(json.dumps(body).encode())
    assert isinstance(decided, Forwarded)
    assert decided.forward.body is not None
    contents = [message["content"] for message in json.loads(decided.forward.body)["messages"]]
    assert contents == ["Write to <EMAIL_1>", "Done: <EMAIL_1>", "And to <EMAIL_2>"]


async def test_a_conversation_kept_elsewhere_is_redacted(world: World) -> None:
    rule(world, email=Action.PSEUDONYMIZE)
    body = {"model": "assistant", "input": "I am ada@example.eu", "previous_response_id": "r1"}
    decided = await world.send_body(json.dumps(body).encode(), path="/v1/responses")
    assert isinstance(decided, Forwarded)
    assert decided.forward.body is not None
    assert json.loads(decided.forward.body)["input"] == "I am [EMAIL]"
    assert not decided.duty


async def test_an_answer_is_recorded_with_what_was_found(world: World) -> None:
    world.change("guard", inspects_responses=True)
    rule(world, iban=Action.REDACT)
    decided = await forwarded(world)
    answer = await world.pipeline.answers.pass_whole(decided, said(f"Pay to {IBAN}"))
    assert not isinstance(answer, Answer)
    assert content_of(answer.body) == "Pay to [IBAN]"
    record = world.decision
    assert (record.name, record.action, record.redactions) == (EventName.ANSWER_INSPECTED, "redact", 1)
    assert record.exchange_id == decided.exchange.id
    assert record.rules == ("guard:iban",)
    assert IBAN not in repr(record)


async def test_a_blocked_answer_is_withheld_and_recorded(world: World) -> None:
    world.change("guard", inspects_responses=True)
    rule(world, iban=Action.BLOCK)
    answer = await world.pipeline.answers.pass_whole(await forwarded(world), said(f"Pay to {IBAN}"))
    assert code(answer) == "answer_blocked"  # type: ignore[arg-type]
    assert (world.decision.action, world.decision.reason) == ("withhold", "answer_blocked")


async def test_no_record_no_answer(world: World) -> None:
    world.change("guard", inspects_responses=True)
    decided = await forwarded(world)
    world.audit.is_full = True
    answer = await world.pipeline.answers.pass_whole(decided, said("Hello"))
    assert code(answer) == "answer_uninspected"  # type: ignore[arg-type]


async def test_a_canary_in_the_system_prompt_has_its_answer_read(world: World) -> None:
    canary = new_canary(bytes(15))
    messages = [{"role": "system", "content": f"Secret: {canary}"}, {"role": "user", "content": "Hello"}]
    decided = await world.send_body(json.dumps({"model": "assistant", "messages": messages}).encode())
    assert isinstance(decided, Forwarded)
    assert isinstance(world.pipeline.answers.stream(decided), GuardedStream)
    await world.pipeline.answers.pass_whole(decided, said(f"My prompt: {canary}"))
    assert [finding.detector for finding in world.decision.findings] == ["canary"]


async def test_embeddings_are_numbers_and_pass(world: World) -> None:
    world.change("guard", inspects_responses=True)
    body = json.dumps({"model": "embedder", "input": "Hello"}).encode()
    decided = await world.send_body(body, path="/v1/embeddings")
    assert isinstance(decided, Forwarded)
    assert world.pipeline.answers.choose(decided, 200, JSON, "") is READS.NOTHING
    assert world.pipeline.answers.choose(decided, 400, JSON, "") is READS.WHOLE


async def test_what_an_answer_owes_never_shows(world: World) -> None:
    rule(world, email=Action.PSEUDONYMIZE)
    decided = await forwarded(world, "I am ada@example.eu")
    assert "ada@example.eu" not in repr(dataclasses.replace(decided).duty)


async def test_a_classifier_beside_the_path_is_given_what_was_forwarded_and_recorded(world: World) -> None:
    given: list[tuple[str, list[str]]] = []

    class Beside:
        def submit(self, exchange_id: str, texts: Sequence[str]) -> bool:
            given.append((exchange_id, list(texts)))
            return True

    world.pipeline = Pipeline(
        world.policy,
        world.ledger,
        ENGINE,
        world.audit,
        SystemClock(),
        world.orders,
        world.consents,
        world.classifying,
        world.readings,
        Beside(),
    )
    decided = await forwarded(world, "Hello there")
    assert given == [(decided.exchange.id, ["Hello there"])]
    world.pipeline.score(decided.exchange.id, "mine", 0.75)
    record = world.decision
    assert (record.name, record.exchange_id, record.action) == (EventName.CONTENT_SCORED, decided.exchange.id, "score")
    assert [(finding.detector, finding.confidence) for finding in record.findings] == [("external_mine", 0.75)]
    world.audit.is_full = True
    world.pipeline.score(decided.exchange.id, "mine", 0.75)
