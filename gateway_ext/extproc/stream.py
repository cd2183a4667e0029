"""Drives the conversation about one HTTP stream: events in, the pipeline's decisions out. No grpc in here."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from gateway_ext import limits
from gateway_ext.dialects.event_errors import blocked_events
from gateway_ext.dialects.metered import usage_of_body
from gateway_ext.dialects.sse import StreamMalformed
from gateway_ext.errors import AnswerUninspected, AuditUnavailable, GatewayError, Refusal
from gateway_ext.exchange import Answer, ClientCertificate, Interface, RequestHead, ResponseReading, VerifiedClaims
from gateway_ext.extproc import commands as c
from gateway_ext.extproc import events as e
from gateway_ext.extproc.headers import AGENT_RUN_FIELD, TRACEPARENT_FIELD, media_type
from gateway_ext.extproc.machine import Conversation, Role, State
from gateway_ext.pipeline import Pipeline
from gateway_ext.response.duty import Withheld
from gateway_ext.response.forwarded import Exchange, Forwarded
from gateway_ext.response.stream import ReadStream

_PLAN_NAMESPACE = "gw.plan"


class StreamStopped(GatewayError):  # noqa: N818  (an order, not a fault)
    """An operator's order ends a stream of which nothing has come yet. It must be aborted."""


class RouterStream:
    """The router's filter: admit, decide, and read of the response what policy asks for."""

    def __init__(self, pipeline: Pipeline, interface: Interface) -> None:
        self.conversation = Conversation(Role.ROUTER)
        self._pipeline = pipeline
        self._interface = interface
        self._exchange: Exchange | None = None
        self._forwarded: Forwarded | None = None
        self._stream: ReadStream | None = None
        self._told_tokens = 0
        self._is_recorded = False
        self._is_remembered = False
        self._head: e.ResponseHeaders | None = None  # of the provider's response

    async def answer(self, event: e.Event) -> tuple[c.Command, ...]:
        """The commands that answer `event`, in order. Raises ConversationError; then the stream must be aborted."""
        state = self.conversation.receive(event)
        commands = await self._answer(state, event)
        for command in commands:
            self.conversation.send(command)
        return commands

    def interruption(self) -> asyncio.Future[None] | None:
        """Done when `interrupt` may have commands before the next event; None when that cannot be."""
        if self.conversation.state is not State.RESPONDING or self._forwarded is None or not self._forwarded.may_be_cut:
            return None
        return self._pipeline.answers.standing_change()

    def interrupt(self) -> tuple[c.Command, ...]:
        """The commands that end a stream which an operator's order does not let go on; none when it may.

        Raises StreamStopped when it can only be aborted: Envoy takes no chunk from us before the upstream's first.
        """
        assert self._forwarded is not None
        assert self._stream is not None
        refusal = self._pipeline.answers.stopped(self._forwarded)
        if refusal is None:
            return ()
        if not self._stream.total_bytes:
            raise StreamStopped(refusal.code)
        commands = self._withhold(self._stream, refusal)
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
                return (await self._pass_whole(body),)
            case e.ResponseBody(body, end_of_stream) if state in (State.RESPONDING, State.ENDING):
                return await self._pass(body, end_of_stream=end_of_stream)
            case e.ResponseTrailers() if state is State.ENDING:
                return await self._pass_trailers()
        return ()

    async def _admit(self, event: e.RequestHeaders) -> c.Command:
        admitted = self._pipeline.admit(self._request_head(event))
        if isinstance(admitted, Answer):
            return c.AnswerNow(admitted)
        self._exchange = admitted
        if event.end_of_stream:  # no body message will ever come
            return await self._decide(b"")
        return c.ReadRequestBody()

    def _request_head(self, event: e.RequestHeaders) -> RequestHead:
        claims = event.metadata.get(e.JWT_NAMESPACE, {})
        return RequestHead(
            interface=self._interface,
            method=event.fields.get(":method", ""),
            path=event.fields.get(":path", "").partition("?")[0],
            content_type=event.fields.get("content-type", ""),
            content_encoding=event.fields.get("content-encoding", ""),
            source_address=str(event.attributes.get("source.address", "")),
            claims={name: VerifiedClaims(value) for name, value in claims.items() if isinstance(value, Mapping)},
            certificate=ClientCertificate(
                uri=str(event.attributes.get("connection.uri_san_peer_certificate", "")),
                sha256=str(event.attributes.get("connection.sha256_peer_certificate_digest", "")),
            ),
            user_headers=event.user_headers,
            agent_run=event.fields.get(AGENT_RUN_FIELD),
            traceparent=event.fields.get(TRACEPARENT_FIELD),
        )

    async def _decide(self, body: bytes) -> c.Command:
        assert self._exchange is not None
        decided = await self._pipeline.decide(self._exchange, body)
        if isinstance(decided, Answer):
            return c.AnswerNow(decided)
        self._forwarded = decided
        forward = decided.forward
        return c.ForwardRequest(
            forward.body,
            forward.candidates,
            forward.plan,
            forward.drop_content_encoding,
            decided.reads_response,
            forward.retargets_first,
            forward.shadow,
        )

    def _read_response(self, event: e.ResponseHeaders) -> c.Command:
        assert self._forwarded is not None
        if event.end_of_stream:
            return c.ReadResponse(ResponseReading.NOTHING)
        self._head = event
        reading = self._pipeline.answers.choose(
            self._forwarded, event.status, media_type(event.content_type), event.content_encoding, event.cluster
        )
        if isinstance(reading, Answer):
            return c.AnswerNow(reading, c.Reading(None, self._flag(reading)))
        if reading is ResponseReading.STREAM:
            self._stream = self._pipeline.answers.stream(self._forwarded, event.cluster)
        return c.ReadResponse(reading)

    async def _pass_whole(self, body: bytes) -> c.Command:
        assert self._forwarded is not None
        assert self._head is not None
        answered = await self._pipeline.answers.pass_whole(self._forwarded, body, self._head.status, self._head.cluster)
        usage = usage_of_body(body)
        if isinstance(answered, Answer):
            return c.AnswerNow(answered, c.Reading(usage, self._flag(answered)))
        return c.PassWholeResponse(answered.body, c.Reading(usage))

    def _flag(self, answer: Answer) -> str:
        """Why the provider's answer was withheld, which is charged; nobody is charged for a provider's error."""
        return "" if self._head is not None and self._head.status >= 400 else answer.reason

    async def _pass(self, body: bytes, *, end_of_stream: bool) -> tuple[c.Command, ...]:
        stream = self._stream
        assert stream is not None
        try:
            out = await stream.feed(body)
            if stream.total_bytes > limits.STREAM_BYTES_MAX:
                return self._cut(stream, "stream_too_long")
            if self._is_over_hold(stream):
                return self._cut(stream, "stream_over_hold")
            if not end_of_stream:
                return (c.PassChunk(out, end_of_stream, self._told_ahead(stream)),) if out else ()
            out += await stream.finish()
            await self._conclude(stream)
        except StreamMalformed:
            return self._cut(stream, "stream_malformed")
        except Withheld as withheld:
            return self._withhold(stream, withheld.refusal)
        return (c.PassChunk(out, end_of_stream, _reading(stream)),)

    def _told_ahead(self, stream: ReadStream) -> c.Reading | None:
        """What the caller may have got until we tell again: one who leaves takes the stream along, and nobody can tell then.

        A little more than is there, so that it is told not with each chunk but with ever fewer of them.
        """
        if stream.seen_tokens <= self._told_tokens:
            return None
        self._told_tokens = stream.seen_tokens * 9 // 8 + 16
        return c.Reading(None, seen_tokens=self._told_tokens)

    async def _pass_trailers(self) -> tuple[c.Command, ...]:
        stream = self._stream
        assert stream is not None
        try:
            rest = await stream.finish()
            await self._conclude(stream)
        except Withheld as withheld:
            return self._withhold(stream, withheld.refusal)
        trailers = c.PassResponseTrailers(_reading(stream))
        return (c.PassChunk(rest, end_of_stream=False), trailers) if rest else (trailers,)

    def _is_over_hold(self, stream: ReadStream) -> bool:
        assert self._forwarded is not None
        events_max = self._forwarded.output_events_max
        return events_max is not None and stream.output_events > events_max

    def _cut(self, stream: ReadStream, flag: str) -> tuple[c.Command, ...]:
        self.close()
        seen = max(stream.seen_tokens, stream.total_bytes // limits.USAGE_ESTIMATE_BYTES_PER_TOKEN)  # not all was read
        return self._end(stream, b"", "The gateway cut this stream off.", "stream_cut", "server_error", flag, seen)

    def _withhold(self, stream: ReadStream, refusal: Refusal) -> tuple[c.Command, ...]:
        """What was settled goes out, then an error in place of the rest."""
        with suppress(Withheld):  # it is withheld either way
            self._record(stream, refusal)
        self._remember_beside(stream)
        seen = stream.seen_tokens
        return self._end(stream, stream.pop(), str(refusal), refusal.code, refusal.kind, refusal.code, seen)

    def _end(
        self, stream: ReadStream, rest: bytes, message: str, code: str, kind: str, flag: str, seen_tokens: int
    ) -> tuple[c.Command, ...]:
        """`end_of_stream` ahead of the upstream's own makes Envoy reset the upstream; the client sees a clean end."""
        assert self._exchange is not None
        events = blocked_events(
            self._exchange.endpoint, message, code, kind=kind, sequence_number=stream.next_sequence_number
        )
        return (c.PassChunk(rest + events, True, c.Reading(stream.usage, flag, seen_tokens)),)

    def _record(self, stream: ReadStream, refusal: Refusal | None = None) -> None:
        """Once for each stream that the Guard has read. Raises Withheld when that cannot be recorded."""
        if self._is_recorded or stream.inspected is None:
            return
        assert self._forwarded is not None
        self._is_recorded = True
        try:
            self._pipeline.answers.record(self._forwarded, stream.inspected.findings, refusal)
        except AuditUnavailable:
            raise Withheld(AnswerUninspected()) from None

    async def _conclude(self, stream: ReadStream) -> None:
        """All of it has been read. Raises Withheld when that cannot be recorded."""
        self._record(stream)
        if self._forwarded is not None and stream.inspected is not None:
            findings = stream.inspected.findings
            await self._pipeline.answers.durable(findings)
            self._is_remembered = True
            await self._pipeline.answers.remember(self._forwarded, findings, stream.response_id)

    def _remember_beside(self, stream: ReadStream) -> None:
        """What has gone out of a stream that ends early is in the conversation, too."""
        if self._is_remembered or self._forwarded is None or stream.inspected is None or not stream.inspected.findings:
            return
        self._is_remembered = True
        remembered = self._pipeline.answers.remember(self._forwarded, stream.inspected.findings, "")
        self._pipeline.background.start(remembered, name="remember")  # nobody waits for it any more

    def close(self) -> None:
        """The stream is over, maybe early: what the Guard has found until then is recorded, and remembered."""
        if self._stream is not None:
            with suppress(Withheld):
                self._record(self._stream)
            self._remember_beside(self._stream)


def _reading(stream: ReadStream) -> c.Reading:
    return c.Reading(stream.usage, "" if stream.saw_end else "half_stream", stream.seen_tokens)


class UpstreamStream:
    """An upstream's filter, on attempts after the first, or of another wire format: the guarded body as this provider is asked."""

    def __init__(self, pipeline: Pipeline) -> None:
        self.conversation = Conversation(Role.UPSTREAM)
        self._pipeline = pipeline
        self._plan: Mapping[str, Any] = {}
        self._cluster = ""

    async def answer(self, event: e.Event) -> tuple[c.Command, ...]:
        """As RouterStream.answer."""
        self.conversation.receive(event)
        commands: tuple[c.Command, ...] = ()
        match event:
            case e.RequestHeaders():
                self._plan = event.metadata.get(_PLAN_NAMESPACE, {})
                self._cluster = str(event.attributes.get("xds.cluster_name", ""))
                commands = (c.ReadRequestBody(),)
            case e.RequestBody(body):
                await asyncio.sleep(0)  # a storm of retries must not starve new requests
                commands = (c.RetargetRequest(self._pipeline.retarget(self._plan, self._cluster, body)),)
        for command in commands:
            self.conversation.send(command)
        return commands

    def interruption(self) -> None:
        """As RouterStream.interruption: a request that is on its way is not ended here."""

    def interrupt(self) -> tuple[c.Command, ...]:
        """As RouterStream.interrupt."""
        return ()

    def close(self) -> None:
        """Nothing to be done: what is said about a further attempt is recorded with its exchange."""
