"""Streams that the Guard reads: how they end when they must not go on, and what is recorded of them."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from google.protobuf.json_format import MessageToDict

from gateway_ext import limits
from gateway_ext.audit.events import EventName
from gateway_ext.audit.records import DecisionRecord
from gateway_ext.exchange import Answer, Interface
from gateway_ext.extproc import commands as c
from gateway_ext.extproc import events as e
from gateway_ext.extproc.codec import encode
from gateway_ext.extproc.machine import State
from gateway_ext.extproc.stream import RouterStream
from gateway_ext.guard.rules import Action, DetectorRule
from tests.unit.pipeline_world import AWS_KEY, DEMO, IBAN, World
from tests.unit.response.answers import chat_stream

JSON, EVENTS = "application/json", "text/event-stream"
PROSE = "This is long enough to be let go. "


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    world = World(tmp_path)
    await world.ledger.open()
    world.change("guard", inspects_responses=True)
    rules = {"iban": DetectorRule(Action.REDACT), "aws_key": DetectorRule(Action.BLOCK)}
    world.change_guard(detectors=rules)
    yield world
    await world.ledger.close()


async def answering(world: World, media_type: str = EVENTS, status: int = 200) -> tuple[RouterStream, Any]:
    """A stream whose response has begun, and what was said about that."""
    stream = RouterStream(world.pipeline, Interface.PUBLIC)
    fields = {":method": "POST", ":path": "/v1/chat/completions", "content-type": JSON}
    claims = {"envoy.filters.http.jwt_authn": {"personal": DEMO}}
    await stream.answer(e.RequestHeaders(fields, claims, {}, end_of_stream=False))
    body = b'{"model": "assistant", "stream": true, "messages": [{"role": "user", "content": "Hi"}]}'
    await stream.answer(e.RequestBody(body))
    (command,) = await stream.answer(e.ResponseHeaders(status, media_type, "", end_of_stream=False))
    return stream, command


def told(command: c.Command) -> dict[str, Any]:
    return MessageToDict(encode(command).dynamic_metadata)


def answers(world: World) -> list[DecisionRecord]:
    return [
        record
        for record in world.audit.records
        if isinstance(record, DecisionRecord) and record.name is EventName.ANSWER_INSPECTED
    ]


async def test_a_clean_stream_is_recorded_once_at_its_end(world: World) -> None:
    stream, _ = await answering(world)
    await stream.answer(e.ResponseBody(chat_stream([PROSE]), end_of_stream=False))
    assert answers(world) == []
    await stream.answer(e.ResponseBody(b"", end_of_stream=True))
    stream.close()
    (record,) = answers(world)
    assert (record.action, record.reason, record.findings) == ("release", "", ())


async def test_a_blocked_stream_ends_with_an_error_and_is_charged(world: World) -> None:
    stream, _ = await answering(world)
    (cut,) = await stream.answer(e.ResponseBody(chat_stream([PROSE, AWS_KEY, " yes"]), end_of_stream=False))
    assert isinstance(cut, c.PassChunk)
    assert cut.end_of_stream
    assert b"answer_blocked" in cut.body
    assert AWS_KEY.encode() not in cut.body
    assert PROSE.encode() in cut.body  # although it came together with what is withheld
    assert cut.body.endswith(b"data: [DONE]\n\n")
    usage = told(cut)["gw.usage"]
    assert (usage.pop("flag"), usage.keys()) == ("answer_blocked", {"seen_tokens"})
    assert 3 <= usage["seen_tokens"] <= len(PROSE + AWS_KEY + " yes")
    assert stream.conversation.state is State.DONE
    stream.close()
    (record,) = answers(world)
    assert (record.action, record.reason) == ("withhold", "answer_blocked")


async def test_a_caller_who_leaves_takes_no_finding_with_him(world: World) -> None:
    stream, _ = await answering(world)
    await stream.answer(
        e.ResponseBody(chat_stream([f"{IBAN}. ", PROSE]).rpartition(b"data: {")[0], end_of_stream=False)
    )
    await stream.answer(e.StreamEnded())
    stream.close()
    (record,) = answers(world)
    assert [finding.detector for finding in record.findings] == ["iban"]
    await world.pipeline.background.drain(5)
    history = [
        {"role": role, "content": text} for role, text in (("user", "Hi"), ("assistant", "[IBAN]"), ("user", "?"))
    ]
    await world.send_body(json.dumps({"model": "assistant", "messages": history}).encode())
    assert "sticky:personal" in world.decision.rules


@pytest.mark.parametrize("fault", ["is_full", "is_lost"])
async def test_without_a_record_the_end_is_withheld(world: World, fault: str) -> None:
    stream, _ = await answering(world)
    setattr(world.audit, fault, True)
    (cut,) = await stream.answer(e.ResponseBody(chat_stream([PROSE]), end_of_stream=True))
    assert isinstance(cut, c.PassChunk)
    assert b"answer_uninspected" in cut.body
    usage = told(cut)["gw.usage"]
    assert usage["flag"] == "answer_uninspected"
    assert 1 <= usage["seen_tokens"] <= len(PROSE)


async def test_a_stream_that_is_no_stream_is_cut(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    stream, _ = await answering(world)
    (cut,) = await stream.answer(e.ResponseBody(b"data: {not json\n\n", end_of_stream=False))
    assert told(cut) == {"gw.usage": {"flag": "stream_malformed", "seen_tokens": 17 // 3}}
    assert isinstance(cut, c.PassChunk)
    assert b"not json" not in cut.body
    monkeypatch.setattr(limits, "STREAM_BYTES_MAX", 10)
    stream, _ = await answering(world)
    (cut,) = await stream.answer(e.ResponseBody(chat_stream([PROSE]), end_of_stream=False))
    assert told(cut)["gw.usage"]["flag"] == "stream_too_long"
    assert len(answers(world)) == 2


async def test_an_answer_that_cannot_be_read_is_replaced_and_charged(world: World) -> None:
    _, command = await answering(world, media_type="text/html")
    assert isinstance(command, c.AnswerNow)
    assert command.answer.http_status == 502
    assert told(command) == {"gw.usage": {"flag": "answer_uninspected"}}  # the plan stands, with its hold


async def test_an_error_that_cannot_be_read_keeps_its_status_and_costs_nothing(world: World) -> None:
    _, command = await answering(world, media_type="text/html", status=503)
    assert isinstance(command, c.AnswerNow)
    assert command.answer.http_status == 503
    assert told(command) == {"gw.usage": {}}


async def test_a_whole_answer_is_replaced_without_its_length(world: World) -> None:
    stream, command = await answering(world, media_type=JSON)
    assert isinstance(command, c.ReadResponse)
    body = b'{"choices": [{"message": {"content": "%s"}}], "usage": {"prompt_tokens": 1, "completion_tokens": 2}}'
    (release,) = await stream.answer(e.ResponseBody(body % IBAN.encode(), end_of_stream=True))
    assert isinstance(release, c.PassWholeResponse)
    mutated = encode(release).response_body.response
    assert b"[IBAN]" in mutated.body_mutation.body
    assert list(mutated.header_mutation.remove_headers) == ["content-length"]
    assert told(release)["gw.usage"]["output_tokens"] == 2


async def test_a_blocked_whole_answer_tells_what_it_cost(world: World) -> None:
    stream, _ = await answering(world, media_type=JSON)
    body = b'{"choices": [{"message": {"content": "%s"}}], "usage": {"prompt_tokens": 1, "completion_tokens": 2}}'
    (answer,) = await stream.answer(e.ResponseBody(body % AWS_KEY.encode(), end_of_stream=True))
    assert isinstance(answer, c.AnswerNow)
    assert isinstance(answer.answer, Answer)
    assert told(answer)["gw.usage"] == {
        "flag": "answer_blocked",
        "input_tokens": 1.0,
        "output_tokens": 2.0,
        "cached_input_tokens": 0.0,
    }


async def test_a_withheld_error_of_the_provider_costs_nothing(world: World) -> None:
    stream, _ = await answering(world, media_type=JSON, status=400)
    body = b'{"error": {"message": "not allowed: %s"}}' % AWS_KEY.encode()
    (answer,) = await stream.answer(e.ResponseBody(body, end_of_stream=True))
    assert isinstance(answer, c.AnswerNow)
    assert AWS_KEY.encode() not in answer.answer.body
    assert told(answer) == {"gw.usage": {}}
