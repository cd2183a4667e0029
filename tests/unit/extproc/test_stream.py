"""What is told to Envoy at the end of a response that the processor reads, for Envoy's access log to bring back."""

from __future__ import annotations

import asyncio
import dataclasses
import json
from types import SimpleNamespace
from typing import Any, cast

import pytest
from google.protobuf.json_format import MessageToDict

from gateway_ext import limits
from gateway_ext.audit.events import EventName
from gateway_ext.audit.records import DecisionRecord
from gateway_ext.errors import CredentialRevoked, Refusal
from gateway_ext.exchange import Endpoint, Estimate, Forward, Hold, Interface, RequestHead, ResponseReading
from gateway_ext.extproc import commands as c
from gateway_ext.extproc import events as e
from gateway_ext.extproc.codec import encode
from gateway_ext.extproc.machine import State
from gateway_ext.extproc.stream import RouterStream, StreamStopped
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
CUTS = SimpleNamespace(routing=SimpleNamespace(cuts_streams=True))
HEAD = SimpleNamespace(endpoint=Endpoint.CHAT_COMPLETIONS, snapshot=CUTS)


class Reader:
    """Stands for a pipeline that forwards everything and reads every response."""

    def __init__(self, reading: ResponseReading, *, may_be_cut: bool = False) -> None:
        self._reading = reading
        self.answers = self
        self._may_be_cut = may_be_cut
        self.refusal: Refusal | None = None
        self.change: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def standing_change(self) -> asyncio.Future[None]:
        return self.change

    def stopped(self, _: Forwarded) -> Refusal | None:
        return self.refusal

    def admit(self, _: RequestHead) -> Exchange:
        return cast(Exchange, HEAD)

    async def decide(self, exchange: Exchange, _: bytes) -> Forwarded:
        forward, hold = Forward(None, (), {}), Hold("h", 1, "EUR")
        decision = dataclasses.replace(DECISION, is_stream=self._may_be_cut)
        return Forwarded(exchange, forward, hold, Estimate(1, 1), strips_usage=True, decision=decision, duty=NO_DUTY)

    def choose(self, *_: object) -> ResponseReading:
        return self._reading

    def stream(self, forwarded: Forwarded, *_: object) -> ReadStream:
        return MeteredOnly(strips_usage=forwarded.strips_usage)

    async def pass_whole(self, *_: object) -> Inspected:
        return Inspected()


async def responding(reading: ResponseReading, reader: Reader | None = None) -> RouterStream:
    """A stream whose response has just begun."""
    stream = RouterStream(cast(Pipeline, reader or Reader(reading)), Interface.PUBLIC)
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
    assert (last.body, told(first), told(last)) == (DONE, {"gw.usage": {"seen_tokens": 17}}, {"gw.usage": TOLD})
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


async def test_kinds_of_tokens_are_told_by_their_names() -> None:
    kinds = {"prompt_tokens_details": {"audio_tokens": 3}, "completion_tokens_details": {"reasoning_tokens": 7}}
    stream = await responding(ResponseReading.STREAM)
    chunk = b"data: " + json.dumps({"choices": [], "usage": USAGE | kinds}).encode() + b"\n\n"
    (last,) = await stream.answer(e.ResponseBody(DELTA + chunk + DONE, end_of_stream=True))
    expected = TOLD | {"cached_input_tokens": 0.0, "audio_input_tokens": 3.0, "reasoning_tokens": 7.0}
    assert told(last)["gw.usage"] == expected


async def test_what_a_caller_got_who_leaves_has_been_told_before() -> None:
    """At any moment at least what has gone out, at most an eighth and 16 tokens more, and not with each chunk."""
    stream = await responding(ResponseReading.STREAM)
    told_tokens, tellings = 0.0, 0
    for events in range(1, 401):
        (chunk,) = await stream.answer(e.ResponseBody(DELTA, end_of_stream=False))
        if usage := told(chunk).get("gw.usage"):
            told_tokens, tellings = usage["seen_tokens"], tellings + 1
        assert events <= told_tokens <= events * 9 / 8 + 16
    assert tellings < 25


class BoundedReader(Reader):
    """Ends a stream with more than three events of output."""

    async def decide(self, exchange: Exchange, body: bytes) -> Forwarded:
        return dataclasses.replace(await super().decide(exchange, body), output_events_max=3)


async def test_a_stream_with_more_than_was_held_is_cut_and_flagged() -> None:
    stream = await responding(ResponseReading.STREAM, BoundedReader(ResponseReading.STREAM))
    for _ in range(3):
        (passed,) = await stream.answer(e.ResponseBody(DELTA, end_of_stream=False))
        assert isinstance(passed, c.PassChunk)
        assert not passed.end_of_stream
    (cut,) = await stream.answer(e.ResponseBody(DELTA, end_of_stream=False))
    assert isinstance(cut, c.PassChunk)
    assert cut.end_of_stream
    assert b"stream_cut" in cut.body
    assert DELTA not in cut.body
    assert told(cut)["gw.usage"]["flag"] == "stream_over_hold"


async def test_a_stream_that_just_stops_is_flagged() -> None:
    stream = await responding(ResponseReading.STREAM)
    (last,) = await stream.answer(e.ResponseBody(DELTA, end_of_stream=True))
    assert told(last) == {"gw.usage": {"flag": "half_stream", "seen_tokens": 1}}


async def test_a_stream_with_an_endless_event_is_cut_and_flagged() -> None:
    stream = await responding(ResponseReading.STREAM)
    (cut,) = await stream.answer(e.ResponseBody(b"x" * (limits.SSE_EVENT_BYTES_MAX + 1), end_of_stream=False))
    assert isinstance(cut, c.PassChunk)
    assert cut.end_of_stream
    assert cut.body.endswith(b"data: [DONE]\n\n")
    assert told(cut)["gw.usage"]["flag"] == "stream_malformed"
    assert told(cut)["gw.usage"]["seen_tokens"] >= 1


async def test_a_stream_that_is_too_long_is_cut_and_flagged(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "STREAM_BYTES_MAX", 10)
    stream = await responding(ResponseReading.STREAM)
    (cut,) = await stream.answer(e.ResponseBody(DELTA, end_of_stream=False))
    assert told(cut)["gw.usage"]["flag"] == "stream_too_long"
    assert told(cut)["gw.usage"]["seen_tokens"] >= 1


# --- an operator's order ----------------------------------------------------------------------------------------------


async def test_a_stream_that_nothing_may_cut_is_not_interrupted() -> None:
    stream = await responding(ResponseReading.STREAM)
    assert stream.interruption() is None


async def test_an_order_ends_a_running_stream_with_an_error_event() -> None:
    reader = Reader(ResponseReading.STREAM, may_be_cut=True)
    stream = await responding(ResponseReading.STREAM, reader)
    await stream.answer(e.ResponseBody(DELTA + b"data: {half", end_of_stream=False))
    assert stream.interruption() is reader.change
    assert stream.interrupt() == ()
    reader.refusal = CredentialRevoked()
    (cut,) = stream.interrupt()
    assert isinstance(cut, c.PassChunk)
    assert cut.end_of_stream
    assert cut.body.startswith(b'data: {"error":')  # no half event before it
    assert b"credential_revoked" in cut.body
    assert cut.body.endswith(DONE)
    assert told(cut) == {"gw.usage": {"flag": "credential_revoked", "seen_tokens": 1}}
    assert stream.conversation.state is State.DONE
    assert stream.interruption() is None


async def test_a_stream_of_which_nothing_has_come_can_only_be_aborted() -> None:
    reader = Reader(ResponseReading.STREAM, may_be_cut=True)
    stream = await responding(ResponseReading.STREAM, reader)
    reader.refusal = CredentialRevoked()
    with pytest.raises(StreamStopped):
        stream.interrupt()
    assert stream.conversation.state is State.RESPONDING  # closing with OK stays forbidden


async def test_a_stream_whose_end_has_come_is_not_interrupted() -> None:
    stream = await responding(ResponseReading.STREAM, Reader(ResponseReading.STREAM, may_be_cut=True))
    await stream.answer(e.ResponseBody(LAST + DONE, end_of_stream=True))
    assert stream.interruption() is None
