"""What is told to Envoy at the end of a response that the processor reads, for Envoy's access log to bring back."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any, cast

import pytest
from google.protobuf.json_format import MessageToDict

from gateway_ext import limits
from gateway_ext.audit.events import EventName
from gateway_ext.audit.records import DecisionRecord
from gateway_ext.exchange import Endpoint, Estimate, Forward, Hold, Interface, RequestHead, ResponseReading
from gateway_ext.extproc import commands as c
from gateway_ext.extproc import events as e
from gateway_ext.extproc.codec import encode
from gateway_ext.extproc.machine import State
from gateway_ext.extproc.stream import RouterStream
from gateway_ext.guard.pseudonyms import PseudonymVault
from gateway_ext.guard.rules import GuardRules
from gateway_ext.pipeline import Pipeline
from gateway_ext.response.duty import Duty, Inspected
from gateway_ext.response.forwarded import Exchange, Forwarded
from gateway_ext.response.stream import MeteredOnly, ReadStream

USAGE = {"prompt_tokens": 30, "completion_tokens": 40, "prompt_tokens_details": {"cached_tokens": 10}}
TOLD = {"input_tokens": 30.0, "output_tokens": 40.0, "cached_input_tokens": 10.0}
DELTA = b'data: {"choices": [{"delta": {"content": "a"}}]}\n\n'
LAST = b"data: " + json.dumps({"choices": [], "usage": USAGE}).encode() + b"\n\n"
DONE = b"data: [DONE]\n\n"


DECISION = DecisionRecord(EventName.DECISION_FORWARDED, "1", "forward", "d", "public", "")
NO_DUTY = Duty(GuardRules({}, {}, 1.0), inspects=False, canaries=frozenset(), vault=PseudonymVault({}))
HEAD = SimpleNamespace(endpoint=Endpoint.CHAT_COMPLETIONS)


class Reader:
    """Stands for a pipeline that forwards everything and reads every response."""

    def __init__(self, reading: ResponseReading) -> None:
        self._reading = reading
        self.answers = self

    def admit(self, _: RequestHead) -> Exchange:
        return cast(Exchange, HEAD)

    async def decide(self, exchange: Exchange, _: bytes) -> Forwarded:
        forward, hold = Forward(None, (), {}), Hold("h", 1, "EUR")
        return Forwarded(exchange, forward, hold, Estimate(1, 1), strips_usage=True, decision=DECISION, duty=NO_DUTY)

    def choose(self, *_: object) -> ResponseReading:
        return self._reading

    def stream(self, forwarded: Forwarded) -> ReadStream:
        return MeteredOnly(strips_usage=forwarded.strips_usage)

    async def pass_whole(self, *_: object) -> Inspected:
        return Inspected()


async def responding(reading: ResponseReading) -> RouterStream:
    """A stream whose response has just begun."""
    stream = RouterStream(cast(Pipeline, Reader(reading)), Interface.PUBLIC)
    await stream.answer(e.RequestHeaders({}, {}, {}, end_of_stream=False))
    await stream.answer(e.RequestBody(b"{}"))
    await stream.answer(e.ResponseHeaders(200, "text/event-stream", "", end_of_stream=False))
    return stream


def told(command: c.Command) -> dict[str, Any]:
    """The command's metadata, by namespace."""
    return MessageToDict(encode(command).dynamic_metadata)


async def test_the_usage_of_a_stream_goes_with_its_last_chunk() -> None:
    stream = await responding(ResponseReading.STREAM)
    (first,) = await stream.answer(e.ResponseBody(DELTA, end_of_stream=False))
    assert await stream.answer(e.ResponseBody(LAST, end_of_stream=False)) == ()
    (last,) = await stream.answer(e.ResponseBody(DONE, end_of_stream=True))
    assert isinstance(last, c.PassChunk)
    assert (last.body, told(first), told(last)) == (DONE, {}, {"gw.usage": TOLD})
    assert stream.conversation.state is State.DONE


async def test_the_usage_of_a_stream_with_trailers_goes_with_these() -> None:
    stream = await responding(ResponseReading.STREAM)
    await stream.answer(e.ResponseBody(LAST + DONE + b"data: cut", end_of_stream=False))
    rest, trailers = await stream.answer(e.ResponseTrailers())
    assert rest == c.PassChunk(b"data: cut", end_of_stream=False)
    assert told(trailers) == {"gw.usage": TOLD}


async def test_the_usage_of_a_whole_response_goes_with_its_release() -> None:
    stream = await responding(ResponseReading.WHOLE)
    (release,) = await stream.answer(e.ResponseBody(json.dumps({"usage": USAGE}).encode(), end_of_stream=True))
    assert isinstance(release, c.PassWholeResponse)
    assert told(release) == {"gw.usage": TOLD}


async def test_a_whole_response_without_usage_tells_none() -> None:
    stream = await responding(ResponseReading.WHOLE)
    (release,) = await stream.answer(e.ResponseBody(b"no json", end_of_stream=True))
    assert told(release) == {"gw.usage": {}}


async def test_a_stream_that_just_stops_is_flagged() -> None:
    stream = await responding(ResponseReading.STREAM)
    (last,) = await stream.answer(e.ResponseBody(DELTA, end_of_stream=True))
    assert told(last) == {"gw.usage": {"flag": "half_stream"}}


async def test_a_stream_with_an_endless_event_is_cut_and_flagged() -> None:
    stream = await responding(ResponseReading.STREAM)
    (cut,) = await stream.answer(e.ResponseBody(b"x" * (limits.SSE_EVENT_BYTES_MAX + 1), end_of_stream=False))
    assert isinstance(cut, c.PassChunk)
    assert cut.end_of_stream
    assert cut.body.endswith(b"data: [DONE]\n\n")
    assert told(cut) == {"gw.usage": {"flag": "stream_malformed"}}


async def test_a_stream_that_is_too_long_is_cut_and_flagged(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "STREAM_BYTES_MAX", 10)
    stream = await responding(ResponseReading.STREAM)
    (cut,) = await stream.answer(e.ResponseBody(DELTA, end_of_stream=False))
    assert told(cut) == {"gw.usage": {"flag": "stream_too_long"}}
