"""Items of a Response's output while they grow, and the events that tell of it.

The order of events is that of OpenAI's API reference, "Streaming events": an item is added, then its parts one after the
other, of each its pieces and then the whole; at last the item is done.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from gateway_ext.dialects.translation.chat_pieces import CallPiece, Part
from gateway_ext.dialects.translation.responses_tools import custom_input

Event = dict[str, Any]


@dataclass(frozen=True, slots=True)
class _Words:
    """What a part of an item is called. `holder` is the item's member it stands in, `text` the part's own."""

    item: str
    id_prefix: str
    holder: str
    index: str
    part: str
    text: str
    piece_events: str
    part_events: str


_WORDS = {
    Part.THOUGHT: _Words(
        item="reasoning",
        id_prefix="rs",
        holder="summary",
        index="summary_index",
        part="summary_text",
        text="text",
        piece_events="response.reasoning_summary_text",
        part_events="response.reasoning_summary_part",
    ),
    Part.TEXT: _Words(
        item="message",
        id_prefix="msg",
        holder="content",
        index="content_index",
        part="output_text",
        text="text",
        piece_events="response.output_text",
        part_events="response.content_part",
    ),
    Part.REFUSAL: _Words(
        item="message",
        id_prefix="msg",
        holder="content",
        index="content_index",
        part="refusal",
        text="refusal",
        piece_events="response.refusal",
        part_events="response.content_part",
    ),
}


class TextItem:
    """A message, or what the model thought: one part grows at a time. `key` and the index make its id."""

    __slots__ = ("_logprobs", "_part", "_pieces", "_place", "document")

    def __init__(self, part: Part, key: str, output_index: int) -> None:
        words = _WORDS[part]
        item_id = f"{words.id_prefix}_{key}_{output_index}"
        self.document: dict[str, Any] = {"id": item_id, "type": words.item, words.holder: []}
        if words.item == "message":
            self.document |= {"role": "assistant", "status": "in_progress"}
        self._place = {"item_id": item_id, "output_index": output_index}
        self._part: Part | None = None
        self._pieces: list[str] = []
        self._logprobs: list[dict[str, Any]] = []

    def takes(self, part: Part) -> bool:
        return _WORDS[part].item == str(self.document["type"])

    def open(self) -> list[Event]:
        return [_added(self._place, self.document)]

    def grow(self, part: Part, piece: str, logprobs: Sequence[dict[str, Any]] = ()) -> list[Event]:
        events = [] if part is self._part else [*self._end_part(), *self._begin_part(part)]
        if piece or logprobs:
            delta = {"type": f"{_WORDS[part].piece_events}.delta", **self._where(part), "delta": piece}
            events.append(delta | {"logprobs": list(logprobs)} if part is Part.TEXT else delta)
            self._pieces.append(piece)
            self._logprobs += logprobs
        return events

    def annotate(self, annotation: dict[str, Any]) -> list[Event]:
        """Add a reference to the text."""
        events = self.grow(Part.TEXT, "")
        annotations = self.document["content"][-1]["annotations"]
        where = {**self._where(Part.TEXT), "annotation_index": len(annotations)}
        annotations.append(annotation)
        return [*events, {"type": "response.output_text.annotation.added", **where, "annotation": annotation}]

    def end(self, status: str) -> list[Event]:
        events = self._end_part()
        if "status" in self.document:
            self.document["status"] = status
        return [*events, _done(self._place, self.document)]

    def _begin_part(self, part: Part) -> list[Event]:
        self._part = part
        words = _WORDS[part]
        begun: dict[str, Any] = {"type": words.part, words.text: ""}
        if part is Part.TEXT:
            begun |= {"annotations": [], "logprobs": []}
        self.document[words.holder].append(begun)
        return [{"type": f"{words.part_events}.added", **self._where(part), "part": _copy(begun)}]

    def _end_part(self) -> list[Event]:
        if self._part is None:
            return []
        words, where = _WORDS[self._part], self._where(self._part)
        grown = self.document[words.holder][-1]
        grown[words.text] = "".join(self._pieces)
        done: Event = {"type": f"{words.piece_events}.done", **where, words.text: grown[words.text]}
        if self._part is Part.TEXT:
            done["logprobs"] = grown["logprobs"] = self._logprobs
        self._part, self._pieces, self._logprobs = None, [], []
        return [done, {"type": f"{words.part_events}.done", **where, "part": _copy(grown)}]

    def _where(self, part: Part) -> dict[str, Any]:
        words = _WORDS[part]
        return {**self._place, words.index: len(self.document[words.holder]) - 1}


@dataclass(frozen=True, slots=True)
class _CallWords:
    item: str
    id_prefix: str
    text: str
    events: str


_FUNCTION = _CallWords("function_call", "fc", "arguments", "response.function_call_arguments")
_CUSTOM = _CallWords("custom_tool_call", "ctc", "input", "response.custom_tool_call_input")


class CallItem:
    """A call of one of the caller's tools, by the name that `piece`, its first one, has. `key` and the index make its id."""

    __slots__ = ("_pieces", "_place", "_words", "document")

    def __init__(self, piece: CallPiece, key: str, output_index: int, *, is_custom: bool) -> None:
        self._words = _CUSTOM if is_custom else _FUNCTION
        item_id = f"{self._words.id_prefix}_{key}_{output_index}"
        call_id = piece.call_id or f"call_{key}_{output_index}"
        self._place = {"item_id": item_id, "output_index": output_index}
        self._pieces: list[str] = []
        said = {"call_id": call_id, "name": piece.name, self._words.text: ""}
        self.document = {"id": item_id, "type": self._words.item, "status": "in_progress", **said}

    def open(self) -> list[Event]:
        return [_added(self._place, self.document)]

    def grow(self, piece: str) -> list[Event]:
        """More of the arguments. The input of a custom tool is told when it is complete: until then it is inside JSON."""
        self._pieces.append(piece)
        return [] if self._words is _CUSTOM else self._told(piece)

    def end(self, status: str) -> list[Event]:
        arguments = "".join(self._pieces)
        if self._words is _CUSTOM:
            whole = custom_input(arguments)
            events = self._told(whole)
        else:
            whole = arguments or "{}"  # clients parse it, and some servers send nothing where there are no arguments
            events = [] if arguments else self._told(whole)
        self.document |= {self._words.text: whole, "status": status}
        name = {"name": self.document["name"]} if self._words is _FUNCTION else {}
        done = {"type": f"{self._words.events}.done", **self._place, **name, self._words.text: whole}
        return [*events, done, _done(self._place, self.document)]

    def _told(self, piece: str) -> list[Event]:
        return [{"type": f"{self._words.events}.delta", **self._place, "delta": piece}] if piece else []


def _added(place: dict[str, Any], document: dict[str, Any]) -> Event:
    return {"type": "response.output_item.added", "output_index": place["output_index"], "item": _copy(document)}


def _done(place: dict[str, Any], document: dict[str, Any]) -> Event:
    return {"type": "response.output_item.done", "output_index": place["output_index"], "item": _copy(document)}


def _copy(document: dict[str, Any]) -> dict[str, Any]:
    """With lists of its own: the document grows on."""
    return {key: list(value) if isinstance(value, list) else value for key, value in document.items()}
