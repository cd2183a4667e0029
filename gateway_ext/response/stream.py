"""Answers that come as server-sent events: read for their usage only, or by the Guard."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Protocol

from gateway_ext import limits
from gateway_ext.dialects.event_queue import Piece, joined
from gateway_ext.dialects.event_stream import InspectedStream
from gateway_ext.dialects.metered import MeteredStream
from gateway_ext.errors import AnswerBlocked, AnswerUninspected, InternalFailure
from gateway_ext.exchange import Finding, Text, Usage
from gateway_ext.guard.detector import TooManyCandidates
from gateway_ext.guard.inspection import finding_of
from gateway_ext.guard.policy import ANSWER_ROLE
from gateway_ext.guard.stream.decisions import decisions_of
from gateway_ext.guard.stream.text import StreamedText
from gateway_ext.ports import Guard
from gateway_ext.response.duty import Duty, Inspected, Withheld


class ReadStream(Protocol):
    """An event stream that the processor reads."""

    @property
    def total_bytes(self) -> int: ...
    @property
    def usage(self) -> Usage | None: ...
    @property
    def seen_tokens(self) -> int:
        """How many tokens of output have come at most; never fewer than before."""
        ...

    @property
    def saw_end(self) -> bool:
        """Whether the provider marked the end."""
        ...

    @property
    def output_events(self) -> int:
        """Events that carried output: at least a token each, a few at a choice's begin and end excepted."""
        ...

    @property
    def next_sequence_number(self) -> int:
        """As InspectedStream has it."""
        ...

    @property
    def response_id(self) -> str:
        """As InspectedStream has it."""
        ...

    @property
    def inspected(self) -> Inspected | None:
        """What the Guard has found until now; None when it does not read the stream."""
        ...

    async def feed(self, chunk: bytes) -> bytes:
        """What may go out now. Raises StreamMalformed, Withheld."""
        ...

    async def finish(self) -> bytes:
        """What is left when the upstream has ended. Raises as `feed`."""
        ...

    def pop(self) -> bytes:
        """What may still go out ahead of what is withheld."""
        ...


class MeteredOnly:
    """A stream read for its usage."""

    inspected = None
    next_sequence_number = 0
    response_id = ""

    def __init__(self, *, strips_usage: bool) -> None:
        self._stream = MeteredStream(strips_usage=strips_usage)

    @property
    def total_bytes(self) -> int:
        return self._stream.total_bytes

    @property
    def usage(self) -> Usage | None:
        return self._stream.usage

    @property
    def seen_tokens(self) -> int:
        return self._stream.seen_tokens

    @property
    def saw_end(self) -> bool:
        return self._stream.saw_end

    @property
    def output_events(self) -> int:
        return self._stream.output_events

    async def feed(self, chunk: bytes) -> bytes:
        return self._stream.feed(chunk)

    async def finish(self) -> bytes:
        return self._stream.finish()

    def pop(self) -> bytes:
        return b""


class GuardedStream:
    """A stream that the Guard reads."""

    def __init__(self, duty: Duty, guard: Guard, *, strips_usage: bool) -> None:
        self._duty = duty
        self._guard = guard
        self._stream = InspectedStream(strips_usage=strips_usage)
        self._decisions = decisions_of(duty.rules, guard.kinds(duty.rules))
        self._texts: dict[str, tuple[int, StreamedText]] = {}  # by channel, those that go on; numbered as they begin
        self._texts_begun = 0
        self._findings: list[Finding] = []

    @property
    def total_bytes(self) -> int:
        return self._stream.total_bytes

    @property
    def next_sequence_number(self) -> int:
        return self._stream.next_sequence_number

    @property
    def response_id(self) -> str:
        return self._stream.response_id

    @property
    def usage(self) -> Usage | None:
        return self._stream.usage

    @property
    def seen_tokens(self) -> int:
        return self._stream.seen_tokens

    @property
    def saw_end(self) -> bool:
        return self._stream.saw_end

    @property
    def output_events(self) -> int:
        return self._stream.output_events

    @property
    def inspected(self) -> Inspected:
        return Inspected(tuple(self._findings[: limits.FINDINGS_MAX]))

    async def feed(self, chunk: bytes) -> bytes:
        await self._judge_all(self._stream.feed(chunk))
        return self._stream.pop()

    async def finish(self) -> bytes:
        await self._judge_all(self._stream.finish())
        return self._stream.pop()

    def pop(self) -> bytes:
        return self._stream.pop()

    async def _judge_all(self, pieces: Sequence[Piece]) -> None:
        try:
            if sum([len(piece.text) for piece in pieces]) > limits.GUARD_INLINE_CHARACTERS_MAX:
                await asyncio.to_thread(self._judge, pieces)  # an answer repeated as a whole at the end of its stream
            else:
                self._judge(pieces)
        except (InternalFailure, TooManyCandidates):
            raise Withheld(AnswerUninspected(), self.inspected.findings) from None

    def _judge(self, pieces: Sequence[Piece]) -> None:
        for piece in joined(pieces):
            number, text = self._texts.get(piece.channel) or self._begin(piece)
            if piece.ends:
                text.finish(piece.text)
                del self._texts[piece.channel]
            else:
                text.feed(piece.text)
            self._note(piece, number, text)
            edits = [(edit.start, edit.end, edit.replacement) for edit in text.take_edits()]
            if text.is_blocked or len(self._findings) > limits.FINDINGS_MAX or (edits and piece.is_key):
                if text.is_blocked and not piece.is_whole:  # what came before in the same piece goes out
                    self._stream.settle(piece.channel, text.settled, edits)
                raise Withheld(AnswerBlocked(self._reason()), self.inspected.findings)
            self._stream.settle(piece.channel, text.settled, edits)

    def _begin(self, piece: Piece) -> tuple[int, StreamedText]:
        duty, guard = self._duty, self._guard
        looks = duty.inspects or bool(duty.canaries)
        text = StreamedText(
            (lambda text: duty.matches(guard, text)) if looks else None,
            self._decisions.decide,
            self._decisions.holding if looks else None,
            duty.vault or None,
        )
        self._texts_begun += 1
        self._texts[piece.channel] = self._texts_begun - 1, text
        return self._texts[piece.channel]

    def _note(self, piece: Piece, number: int, text: StreamedText) -> None:
        where = Text((), piece.place, ANSWER_ROLE, "", piece.is_key)
        for match in text.take_matches():
            finding = finding_of(match, number, where, self._duty.rules)
            if finding is not None:
                self._findings.append(finding)

    def _reason(self) -> str:
        names = sorted({finding.detector for finding in self._findings if finding.action == "block"})
        return f"blocked: {', '.join(names)}" if names else "it cannot be redacted, or too much was found"
