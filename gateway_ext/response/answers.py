"""Step 6 of the request path: which answers are read, and what becomes of them. The order is pipeline.py's."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import replace

from gateway_ext import trail
from gateway_ext.dialects.answers import response_id
from gateway_ext.errors import (
    AnswerUninspected,
    AuditUnavailable,
    ConversationsUnavailable,
    Refusal,
    StandingUnavailable,
)
from gateway_ext.exchange import Answer, Endpoint, Finding, ResponseReading
from gateway_ext.ports import AuditLog, Clock, Guard, StandingSource
from gateway_ext.replies import refusal_answer
from gateway_ext.response.duty import Inspected, Withheld
from gateway_ext.response.forwarded import Forwarded
from gateway_ext.response.stream import GuardedStream, MeteredOnly, ReadStream
from gateway_ext.response.translated import TranslatedStream, translated_whole
from gateway_ext.response.whole import inspect_whole

_JSON = "application/json"


class Answers:
    """Composed by the pipeline. Holds no state of any exchange."""

    def __init__(self, guard: Guard, audit: AuditLog, clock: Clock, standing: StandingSource) -> None:
        self._guard = guard
        self._audit = audit
        self._clock = clock
        self._standing = standing

    def choose(
        self, forwarded: Forwarded, status: int, media_type: str, content_encoding: str, cluster: str = ""
    ) -> ResponseReading | Answer:
        """How much of the response the processor must see. Nothing, unless policy asks for it: a hop per chunk is dear.

        `cluster` answers, which matters to answers that are to be translated. One that is to be inspected or translated and
        cannot be read (coded, or neither JSON nor events) is replaced.
        """
        is_plain = content_encoding in ("", "identity")
        is_stream = media_type == "text/event-stream"
        is_json = media_type == _JSON or media_type.endswith("+json")
        is_embedding = forwarded.exchange.endpoint is Endpoint.EMBEDDINGS and status < 300  # numbers
        if forwarded.may_be_cut and (refusal := self.stopped(forwarded)) is not None:
            return refusal_answer(refusal, forwarded.exchange.head.path, forwarded.exchange.id)
        if (forwarded.duty or forwarded.translation_of(cluster)) and not is_embedding:
            if is_plain and (is_stream or is_json):
                return ResponseReading.STREAM if is_stream else ResponseReading.WHOLE
            return self._withhold(forwarded, Withheld(AnswerUninspected()), status if status >= 400 else None)
        if forwarded.may_be_cut and is_stream and status < 300:
            if not is_plain:  # it could not be ended in a way that its reader understands
                return self._withhold(forwarded, Withheld(AnswerUninspected()))
            return ResponseReading.STREAM
        if status >= 300 or not is_plain:
            return ResponseReading.NOTHING
        if is_stream and forwarded.output_events_max is not None:
            return ResponseReading.STREAM
        in_processor = forwarded.exchange.snapshot.routing.metering == "processor"
        if is_stream and (in_processor or forwarded.strips_usage):
            return ResponseReading.STREAM
        return ResponseReading.WHOLE if media_type == _JSON and in_processor else ResponseReading.NOTHING

    async def pass_whole(
        self, forwarded: Forwarded, body: bytes, status: int = 200, cluster: str = ""
    ) -> Inspected | Answer:
        """A JSON body: what to pass on, or what to answer in its place."""
        translation = forwarded.translation_of(cluster)
        inspected = Inspected()
        try:
            if forwarded.duty:
                inspected = await inspect_whole(body, forwarded.duty, self._guard)
            if translation is not None:
                said = translated_whole(body if inspected.body is None else inspected.body, status, translation)
                inspected = replace(inspected, body=said)
            if forwarded.duty:
                self.record(forwarded, inspected.findings)
                await self.durable(inspected.findings)
                is_kept = forwarded.exchange.endpoint is Endpoint.RESPONSES and translation is None
                await self.remember(forwarded, inspected.findings, response_id(body) if is_kept else "")
        except Withheld as withheld:
            return self._withhold(forwarded, withheld)
        except AuditUnavailable:
            return refusal_answer(AnswerUninspected(), forwarded.exchange.head.path, forwarded.exchange.id)
        return inspected

    def stream(self, forwarded: Forwarded, cluster: str = "") -> ReadStream:
        """A stream of events that has begun. Its end is to be told to `record`."""
        translation = forwarded.translation_of(cluster)
        strips_usage = forwarded.strips_usage and translation is None  # a translator says what the caller asked for
        stream: ReadStream = (
            GuardedStream(forwarded.duty, self._guard, strips_usage=strips_usage)
            if forwarded.duty
            else MeteredOnly(strips_usage=strips_usage)
        )
        return stream if translation is None else TranslatedStream(stream, translation.stream())

    def standing_change(self) -> asyncio.Future[None]:
        """Done as soon as `stopped` may have another answer."""
        return self._standing.changed()

    def stopped(self, forwarded: Forwarded) -> Refusal | None:
        """Why the stream of `forwarded`, which `may_be_cut`, has to end now; None when it may go on.

        Which of several deployments answered is not known here: it ends when any it may come from is stopped. While
        nobody knows what is in force it goes on: only an order ends it.
        """
        try:
            standing = self._standing.current()
        except StandingUnavailable:
            return None
        forward, decision = forwarded.forward, forwarded.decision
        return standing.stop_of(forwarded.exchange.principal, decision.model, forward.candidates)

    def record(self, forwarded: Forwarded, findings: tuple[Finding, ...], refusal: Refusal | None = None) -> None:
        """What was decided about an answer. Raises AuditUnavailable."""
        duration_ns = self._clock.monotonic_ns() - forwarded.exchange.started_ns
        self._audit.append(trail.inspected(forwarded.decision, findings, duration_ns, refusal))

    async def durable(self, findings: tuple[Finding, ...]) -> None:
        """Wait until what was recorded is safe, before an answer is released. Raises Withheld when it is not."""
        try:
            await self._audit.durable()
        except AuditUnavailable:
            raise Withheld(AnswerUninspected(), findings) from None

    async def remember(self, forwarded: Forwarded, findings: tuple[Finding, ...], response_id: str) -> None:
        """Have the conversation be known by what was found in an answer that was read. Raises Withheld when it cannot be."""
        if forwarded.remembering is None:
            return
        try:
            await forwarded.remembering.answered(findings, response_id, self._clock.now_unix_nano())
        except ConversationsUnavailable:
            raise Withheld(AnswerUninspected(), findings) from None

    def _withhold(self, forwarded: Forwarded, withheld: Withheld, http_status: int | None = None) -> Answer:
        """The answer in place of the provider's. `http_status` is that of a provider's error."""
        with suppress(AuditUnavailable):  # nothing of it is passed on either way
            self.record(forwarded, withheld.findings, withheld.refusal)
        answer = refusal_answer(withheld.refusal, forwarded.exchange.head.path, forwarded.exchange.id)
        return replace(answer, http_status=http_status) if http_status else answer
