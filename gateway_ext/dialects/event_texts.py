"""Where the texts are in the events of a stream, in any dialect the gateway speaks: whole ones and pieces of growing ones.

Chat completions and completions deliver by choice; responses and messages by typed events, whose `delta` is a piece of
what the indexes beside it name. Whatever is below a delta counts as a piece, known or not; any other text as whole.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from gateway_ext import limits
from gateway_ext.dialects.answer_schema import BLOB
from gateway_ext.dialects.answer_texts import read_texts
from gateway_ext.dialects.request_texts import Pointer
from gateway_ext.dialects.sse import SseEvent, StreamMalformed
from gateway_ext.dialects.strict_json import parse_object
from gateway_ext.errors import BodyInvalid
from gateway_ext.exchange import Text

_DONE = b"[DONE]"
_LAST_EVENTS = frozenset(
    ["message_stop", "error", "response.completed", "response.incomplete", "response.failed", "response.cancelled"]
)
_COMPLETE_DELTAS = frozenset({"message_delta"})  # reasons why it stopped; a citation is complete, too
_CHOICE_ROOTS = ("delta", "text", "logprobs")
_ENCODED_DELTAS = frozenset({"response.audio.delta", "response.output_audio.delta"})
_JSON_KEYS = frozenset({"arguments", "partial_json"})


@dataclass(frozen=True, slots=True)
class End:
    """Texts of `group` (of all, when None) whose names begin with `prefix` will not grow any more."""

    group: str | None
    prefix: str = ""


@dataclass(frozen=True, slots=True)
class GrowingPiece:
    """What an event adds to a growing text. `name` tells the texts of a `group` apart: a choice or an output item.

    `is_json` marks what is JSON by protocol: the arguments of a call.
    """

    pointer: Pointer
    place: str
    group: str
    name: str
    value: str = field(repr=False)
    is_json: bool


@dataclass(frozen=True, slots=True)
class EventTexts:
    """The texts of one event, and which growing texts end with it."""

    growing: tuple[GrowingPiece, ...] = ()
    whole: tuple[Text, ...] = ()
    ends: tuple[End, ...] = ()


def read_document(event: SseEvent) -> dict[str, Any] | None:
    """The JSON object an event carries; None when it has no data or marks the end. Raises StreamMalformed for all else."""
    data = event.data.strip()
    if not data or data == _DONE:
        return None
    try:
        return parse_object(event.data)
    except BodyInvalid:
        raise StreamMalformed("the provider sent a server-sent event that is not one strict JSON object") from None


def read_event_texts(event: SseEvent, document: dict[str, Any] | None) -> EventTexts:
    """The texts of `document`, which read_document has made of `event`. Raises StreamMalformed past the limits."""
    if document is None:
        return EventTexts(ends=(End(None),) if event.data.strip() == _DONE else ())
    kind = document.get("type")
    kind = kind if type(kind) is str else event.event
    try:
        whole, pieces = read_texts(document, frozenset(_roots(kind, document)))
    except BodyInvalid:
        raise StreamMalformed("the provider sent a server-sent event with more texts than the gateway reads") from None
    growing = tuple([_growing(kind, document, piece) for piece in pieces if not _is_encoded(kind, piece)])
    return EventTexts(growing, whole, tuple(_ends(kind, document)))


def _roots(kind: str, document: dict[str, Any]) -> Iterator[Pointer]:
    """Where the pieces are."""
    for position, _ in _choices(document):
        for key in _CHOICE_ROOTS:
            yield "choices", position, key
    yield from _first_pieces(kind, document)
    delta = document.get("delta")
    if delta is None or kind in _COMPLETE_DELTAS or (isinstance(delta, dict) and "citation" in delta):
        return
    yield from (("delta",), ("logprobs",))


def _is_encoded(kind: str, piece: Text) -> bool:
    return kind in _ENCODED_DELTAS and piece.pointer == ("delta",) and BLOB.fullmatch(piece.value) is not None


def _growing(kind: str, document: dict[str, Any], piece: Text) -> GrowingPiece:
    if piece.pointer[0] == "choices":
        choice = document["choices"][piece.pointer[1]]
        group, start = f"choice {_index(choice, int(piece.pointer[1]))}", 2
        name = ""
    else:
        group, name, start = _group(document), _family(kind, document), 0
    if (first := _first_pieces(kind, document).get(piece.pointer)) is not None:
        name = first
    else:
        name += "".join(_steps(document, piece.pointer, start))
    if len(group) + len(name) > limits.STREAM_TEXT_NAME_CHARACTERS_MAX:
        raise StreamMalformed("the provider sent a server-sent event with names longer than the gateway accepts")
    is_json = piece.pointer[-1] in _JSON_KEYS or (piece.pointer == ("delta",) and "arguments" in kind)
    return GrowingPiece(piece.pointer, piece.place, group, name, piece.value, is_json)


def _first_pieces(kind: str, document: dict[str, Any]) -> dict[Pointer, str]:
    """Where an event that announces a text may hold its beginning, and what the text's deltas will be named."""
    if kind == "content_block_start":
        return {("content_block", key): f":/delta/{key}" for key in ("text", "thinking")}
    part = document.get("part")
    if kind == "response.content_part.added" and isinstance(part, dict):
        family = _family(f"response.{part.get('type')}.delta", document)
        return {("part", key): f"{family}/delta" for key in ("text", "refusal")}
    return {}


def _steps(document: dict[str, Any], pointer: Pointer, start: int) -> Iterator[str]:
    """The way from the root of the pieces, with items of lists by their own `index` if they have one."""
    value: Any = document
    for depth, step in enumerate(pointer[:-1]):
        value = value[step] if step != "logprobs" else {}  # below it there are no strings at these pointers
        if depth >= start:
            yield f"/{step if type(step) is str else _index(value, int(step))}"
    yield f"/{pointer[-1]}"


def _ends(kind: str, document: dict[str, Any]) -> Iterator[End]:
    for position, choice in _choices(document):
        if choice.get("finish_reason"):
            yield End(f"choice {_index(choice, position)}")
    if kind in _LAST_EVENTS:
        yield End(None)
    elif kind in {"content_block_stop", "response.output_item.done"}:
        yield End(_group(document))
    elif kind.endswith(".done"):
        yield End(_group(document), _family(kind, document))


def _choices(document: dict[str, Any]) -> Iterator[tuple[int, dict[str, Any]]]:
    choices = document.get("choices")
    if isinstance(choices, list):
        for position, choice in enumerate(choices):
            if isinstance(choice, dict):
                yield position, choice


def _group(document: dict[str, Any]) -> str:
    """The output item (responses) or content block (messages) that a typed event is about."""
    for key in ("output_index", "index", "item_id"):
        if type(document.get(key)) in {int, str}:
            return f"{key} {document[key]}"
    return ""


def _family(kind: str, document: dict[str, Any]) -> str:
    """What the events of one text share: their type without its last word, and further indexes."""
    indexes = [
        f" {key} {document[key]}" for key in ("content_index", "summary_index", "command_index") if key in document
    ]
    return f"{kind.rpartition('.')[0]}{''.join(indexes)}:"


def _index(item: object, position: int) -> int:
    index = item.get("index") if isinstance(item, dict) else None
    return index if type(index) is int else position
