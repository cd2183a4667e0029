"""The output of a Response, put together from the pieces of a chat completion."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from gateway_ext import limits
from gateway_ext.dialects.sse import StreamMalformed
from gateway_ext.dialects.translation.chat_pieces import (
    CallPiece,
    Part,
    call_pieces,
    citations,
    logprobs,
    text_pieces,
)
from gateway_ext.dialects.translation.responses_items import CallItem, Event, TextItem

_LOGPROB_CHARACTERS = 128  # about what a token and its alternatives weigh, each


class Output:
    """Give it the pieces of a message as they come. A Response repeats its output at the end, so all of it is kept.

    A text ends when something else begins; calls end with the output, as their pieces may come in turns.
    `key` makes the ids of the items. Raises StreamMalformed past limits.RESPONSE_BODY_BYTES_MAX.
    """

    __slots__ = ("_calls", "_custom_names", "_items", "_kept", "_key", "_text")

    def __init__(self, key: str, custom_names: frozenset[str]) -> None:
        self._key = key
        self._custom_names = custom_names
        self._items: list[TextItem | CallItem] = []
        self._text: TextItem | None = None  # the one that grows
        self._calls: dict[int, CallItem] = {}
        self._kept = 0  # characters

    @property
    def documents(self) -> list[dict[str, Any]]:
        return [item.document for item in self._items]

    def add(self, choice: dict[str, Any], message: dict[str, Any]) -> list[Event]:
        """What `choice` has in its `message`, whole or a piece. Raises StreamMalformed."""
        events: list[Event] = []
        tokens = logprobs(choice)
        for part, piece in text_pieces(message):
            if part is Part.TEXT:
                events += self._add_text(part, piece, tokens)
                tokens = []
            else:
                events += self._add_text(part, piece, [])
        for annotation in citations(message):
            events += self._annotate(annotation)
        for call in call_pieces(message):
            events += self._add_call(call)
        return events

    def end(self, status: str) -> list[Event]:
        """End what is open. `status` is that of the last item: only there can an output have been cut."""
        ended = [item for item in (self._text, *self._calls.values()) if item is not None]
        self._text, self._calls = None, {}
        last = self._items[-1] if self._items else None
        return [event for item in ended for event in item.end(status if item is last else "completed")]

    def _add_text(self, part: Part, piece: str, tokens: Sequence[dict[str, Any]]) -> list[Event]:
        if not piece and not tokens:
            return []
        self._keep(len(piece) + _LOGPROB_CHARACTERS * sum(1 + len(token["top_logprobs"]) for token in tokens))
        opened, item = self._text_item(part)
        return [*opened, *item.grow(part, piece, tokens)]

    def _annotate(self, annotation: dict[str, Any]) -> list[Event]:
        self._keep(sum(len(str(value)) for value in annotation.values()))
        opened, item = self._text_item(Part.TEXT)
        return [*opened, *item.annotate(annotation)]

    def _text_item(self, part: Part) -> tuple[list[Event], TextItem]:
        """The item that `part` goes into, and the events that it takes to get there."""
        if self._text is not None and self._text.takes(part):
            return [], self._text
        before = self._end_text()
        item = self._text = TextItem(part, self._key, len(self._items))
        self._items.append(item)
        return [*before, *item.open()], item

    def _add_call(self, piece: CallPiece) -> list[Event]:
        self._keep(len(piece.arguments))
        before: list[Event] = []
        call = self._calls.get(piece.index)
        if call is not None and piece.call_id not in ("", call.document["call_id"]):  # some servers number all calls 0
            before = call.end("completed")
            call = None
        if call is None:
            before += self._end_text()
            call = self._begin_call(piece)
            before += call.open()
        return [*before, *call.grow(piece.arguments)]

    def _begin_call(self, piece: CallPiece) -> CallItem:
        if not piece.name:
            raise StreamMalformed("the provider calls a tool without its name")
        call = CallItem(piece, self._key, len(self._items), is_custom=piece.name in self._custom_names)
        self._calls[piece.index] = call
        self._items.append(call)
        return call

    def _end_text(self) -> list[Event]:
        ended, self._text = self._text, None
        return ended.end("completed") if ended is not None else []

    def _keep(self, characters: int) -> None:
        self._kept += characters
        if self._kept > limits.RESPONSE_BODY_BYTES_MAX or len(self._items) >= limits.STREAM_TEXTS_MAX:
            raise StreamMalformed("the provider's answer is larger than the gateway accepts")
