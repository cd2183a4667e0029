"""An event stream that the Guard reads on its way to the caller: bytes in, texts to judge, bytes out, and what they cost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from gateway_ext.dialects.event_queue import EventQueue, Piece
from gateway_ext.dialects.event_template import EventTemplate, template_of
from gateway_ext.dialects.event_texts import read_document, read_event_texts
from gateway_ext.dialects.request_edits import Span
from gateway_ext.dialects.sse import SseEvent, SseParser, StreamMalformed
from gateway_ext.dialects.usage import StreamMeter
from gateway_ext.exchange import Usage


class InspectedStream:
    """`feed` chunks, give the pieces to the Guard in order, `settle` what it says of each channel, `pop` what may go out.

    `next_sequence_number` is what the responses endpoint would number its next event with, `response_id` what it calls the
    whole answer; "" until it does.
    """

    __slots__ = ("_meter", "_parser", "_queue", "_template", "next_sequence_number", "response_id", "total_bytes")

    def __init__(self, *, strips_usage: bool) -> None:
        self._parser = SseParser()
        self._meter = StreamMeter(asked_for_usage=not strips_usage)
        self._queue = EventQueue()
        self._template: EventTemplate | None = None  # the latest
        self.total_bytes = 0
        self.next_sequence_number = 0
        self.response_id = ""

    def feed(self, chunk: bytes) -> list[Piece]:
        """What the Guard is to read of the events that `chunk` completes. Raises StreamMalformed; then cut the stream."""
        self.total_bytes += len(chunk)
        return [piece for event in self._parser.feed(chunk) for piece in self._push(event)]

    def finish(self) -> list[Piece]:
        """What is left to read when the upstream has ended; once all is settled, pop() returns the rest of the stream.

        An event that was never completed is read like the others if it can be, and left out if not: clients discard it.
        """
        pieces: list[Piece] = []
        event = self._parser.finish_event()
        if event is not None:
            try:
                pieces = self._push(event)
            except StreamMalformed:
                pieces = []
        return pieces + self._queue.finish()

    def settle(self, channel: str, settled: int, edits: Sequence[Span] = ()) -> None:
        """As EventQueue.settle."""
        self._queue.settle(channel, settled, edits)

    def pop(self) -> bytes:
        """As EventQueue.pop."""
        return self._queue.pop()

    @property
    def usage(self) -> Usage | None:
        return self._meter.usage

    @property
    def seen_tokens(self) -> int:
        """How many tokens of output have come at most; never fewer than before."""
        return self._meter.seen.tokens

    @property
    def saw_end(self) -> bool:
        """Whether the provider marked the end, as opposed to just stopping."""
        return self._meter.is_complete

    @property
    def output_events(self) -> int:
        """Events that carried output."""
        return self._meter.seen.events

    def _push(self, event: SseEvent) -> list[Piece]:
        piece = self._template.piece_of(event) if self._template else None
        if piece is not None:
            return [] if self._meter.see(event) else self._queue.push_piece(event, piece)
        document = read_document(event)
        if self._meter.see(event, document):
            return []
        if document is not None and type(number := document.get("sequence_number")) is int:
            self.next_sequence_number = number + 1
            self.response_id = self.response_id or _response_id(document)
        texts = read_event_texts(event, document)
        self._template = template_of(event, texts) or self._template
        return self._queue.push(event, document, texts)


def _response_id(document: Mapping[str, Any]) -> str:
    """Events of the responses endpoint that begin and end an answer have it as a whole."""
    response = document.get("response")
    name = response.get("id") if isinstance(response, dict) else None
    return name if isinstance(name, str) else ""
