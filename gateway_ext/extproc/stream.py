"""Drives the conversation about one HTTP stream: events in, the pipeline's decisions out. No grpc in here."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, cast

from gateway_ext import limits
from gateway_ext.dialects.metered import MeteredStream, usage_of_body
from gateway_ext.dialects.sse import StreamMalformed
from gateway_ext.exchange import Answer, Interface, RequestHead, ResponseReading, VerifiedClaims
from gateway_ext.extproc import commands as c
from gateway_ext.extproc import events as e
from gateway_ext.extproc.headers import media_type
from gateway_ext.extproc.machine import Conversation, Role, State
from gateway_ext.pipeline import Exchange, Forwarded, Pipeline

_JWT_NAMESPACE = "envoy.filters.http.jwt_authn"
_PLAN_NAMESPACE = "gw.plan"
# The client sees a clean end that says why; `end_of_stream` ahead of the upstream's own makes Envoy reset the upstream.
_CUT_EVENTS = (
    b'data: {"error":{"message":"The gateway cut this stream off.","type":"server_error",'
    b'"code":"stream_cut","param":null}}\n\ndata: [DONE]\n\n'
)


class RouterStream:
    """The router's filter: admit, decide, and read of the response what policy asks for."""

    def __init__(self, pipeline: Pipeline, interface: Interface) -> None:
        self.conversation = Conversation(Role.ROUTER)
        self._pipeline = pipeline
        self._interface = interface
        self._exchange: Exchange | None = None
        self._forwarded: Forwarded | None = None
        self._meter: MeteredStream | None = None

    async def answer(self, event: e.Event) -> tuple[c.Command, ...]:
        """The commands that answer `event`, in order. Raises ConversationError; then the stream must be aborted."""
        state = self.conversation.receive(event)
        commands = await self._answer(state, event)
        for command in commands:
            self.conversation.send(command)
        return commands

    async def _answer(self, state: State, event: e.Event) -> tuple[c.Command, ...]:
        match event:
            case e.RequestHeaders():
                return (await self._admit(event),)
            case e.RequestBody(body):
                return (await self._decide(body),)
            case e.ResponseHeaders():
                if state is State.LOCAL_REPLY:
                    return (c.ReadResponse(ResponseReading.NOTHING),)
                return (self._read_response(event),) if state is State.CHOOSING else ()
            case e.ResponseBody(body) if state is State.PASSING_WHOLE:
                return (c.PassWholeResponse(c.Reading(usage_of_body(body))),)
            case e.ResponseBody(body, end_of_stream) if state in (State.RESPONDING, State.ENDING):
                return self._pass(body, end_of_stream=end_of_stream)
            case e.ResponseTrailers() if state is State.ENDING:
                return self._pass_trailers()
        return ()

    async def _admit(self, event: e.RequestHeaders) -> c.Command:
        admitted = self._pipeline.admit(self._head(event))
        if isinstance(admitted, Answer):
            return c.AnswerNow(admitted)
        self._exchange = admitted
        if event.end_of_stream:  # no body message will ever come
            return await self._decide(b"")
        return c.ReadRequestBody()

    def _head(self, event: e.RequestHeaders) -> RequestHead:
        claims = event.metadata.get(_JWT_NAMESPACE, {})
        return RequestHead(
            interface=self._interface,
            method=event.fields.get(":method", ""),
            path=event.fields.get(":path", "").partition("?")[0],
            content_type=event.fields.get("content-type", ""),
            content_encoding=event.fields.get("content-encoding", ""),
            source_address=str(event.attributes.get("source.address", "")),
            claims={name: VerifiedClaims(value) for name, value in claims.items() if isinstance(value, Mapping)},
        )

    async def _decide(self, body: bytes) -> c.Command:
        assert self._exchange is not None
        decided = await self._pipeline.decide(self._exchange, body)
        if isinstance(decided, Answer):
            return c.AnswerNow(decided)
        self._forwarded = decided
        forward = decided.forward
        return c.ForwardRequest(
            forward.body, forward.candidates, forward.plan, forward.drop_content_encoding, decided.reads_response
        )

    def _read_response(self, event: e.ResponseHeaders) -> c.Command:
        assert self._forwarded is not None
        if event.end_of_stream:
            return c.ReadResponse(ResponseReading.NOTHING)
        reading = self._pipeline.read_response(
            self._forwarded, event.status, media_type(event.content_type), event.content_encoding
        )
        if reading is ResponseReading.STREAM:
            self._meter = MeteredStream(strips_usage=self._forwarded.strips_usage)
        return c.ReadResponse(reading)

    def _pass(self, body: bytes, *, end_of_stream: bool) -> tuple[c.Command, ...]:
        meter = self._meter
        assert meter is not None
        try:
            out = meter.feed(body)
        except StreamMalformed:
            return self._cut(meter, "stream_malformed")
        if meter.total_bytes > limits.STREAM_BYTES_MAX:
            return self._cut(meter, "stream_too_long")
        if end_of_stream:
            return (c.PassChunk(out + meter.finish(), end_of_stream, _reading(meter)),)
        return (c.PassChunk(out, end_of_stream),) if out else ()

    def _pass_trailers(self) -> tuple[c.Command, ...]:
        meter = self._meter
        assert meter is not None
        trailers = c.PassResponseTrailers(_reading(meter))
        rest = meter.finish()
        return (c.PassChunk(rest, end_of_stream=False), trailers) if rest else (trailers,)

    def _cut(self, meter: MeteredStream, flag: str) -> tuple[c.Command, ...]:
        return (c.PassChunk(_CUT_EVENTS, True, c.Reading(meter.usage, flag)),)


def _reading(meter: MeteredStream) -> c.Reading:
    return c.Reading(meter.usage, "" if meter.saw_end else "half_stream")


class UpstreamStream:
    """An upstream's filter, on attempts after the first: the guarded body under the model name of this provider."""

    def __init__(self, pipeline: Pipeline) -> None:
        self.conversation = Conversation(Role.UPSTREAM)
        self._pipeline = pipeline
        self._models: dict[str, str] = {}
        self._cluster = ""

    async def answer(self, event: e.Event) -> tuple[c.Command, ...]:
        """As RouterStream.answer."""
        self.conversation.receive(event)
        commands: tuple[c.Command, ...] = ()
        match event:
            case e.RequestHeaders():
                plan: Mapping[str, Any] = event.metadata.get(_PLAN_NAMESPACE, {})
                self._models = cast(dict[str, str], plan.get("models", {}))
                self._cluster = str(event.attributes.get("xds.cluster_name", ""))
                commands = (c.ReadRequestBody(),)
            case e.RequestBody(body):
                await asyncio.sleep(0)  # a storm of retries must not starve new requests
                commands = (c.RetargetRequest(self._pipeline.retarget(self._models, self._cluster, body)),)
        for command in commands:
            self.conversation.send(command)
        return commands
