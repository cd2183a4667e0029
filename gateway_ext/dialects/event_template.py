"""Most events of a stream differ from the one before in nothing but the words they add: those need not be parsed again."""

from __future__ import annotations

import json
import re

from gateway_ext.dialects.answer_schema import FORMS
from gateway_ext.dialects.event_texts import EventTexts, GrowingPiece
from gateway_ext.dialects.sse import SseEvent, other_lines

_PLAIN = re.compile(rb'"[^"\\\x00-\x1f\x7f]+"')  # a JSON string without escapes (RFC 8259 §7)


class EventTemplate:
    """An event taken apart around its one growing text. What has the same bytes before and behind it says the same."""

    __slots__ = ("_piece", "_prefix", "_suffix")

    def __init__(self, prefix: bytes, suffix: bytes, piece: GrowingPiece) -> None:
        self._prefix = prefix
        self._suffix = suffix
        self._piece = piece

    def piece_of(self, event: SseEvent) -> GrowingPiece | None:
        """What `event` adds to the same text; None if it is of another kind, or not so simple."""
        raw, start, end = event.raw, len(self._prefix), len(event.raw) - len(self._suffix)
        if start >= end or not raw.startswith(self._prefix) or not raw.endswith(self._suffix):
            return None
        string = raw[start:end]
        if _PLAIN.fullmatch(string) is None:
            return None
        try:
            value = string[1:-1].decode()
        except UnicodeDecodeError:
            return None
        like = self._piece
        return GrowingPiece(like.pointer, like.place, like.group, like.name, value, like.is_json)


def template_of(event: SseEvent, texts: EventTexts) -> EventTemplate | None:
    """Of an event that holds `texts`; None unless it is one text that grows, written plainly and nowhere else."""
    if len(texts.growing) != 1 or texts.whole or texts.ends or b"\\" in event.data or b"\n" in event.data:
        return None
    if other_lines(event):
        return None
    (piece,) = texts.growing
    # What the value looks like must not decide whether it is read, as it does for identifiers and for sound.
    if piece.pointer[-1] in FORMS or piece.pointer == ("delta",):
        return None
    string = json.dumps(piece.value, ensure_ascii=False).encode("utf-8", "replace")
    if event.raw.count(string) != 1 or _PLAIN.fullmatch(string) is None:
        return None
    prefix, _, suffix = event.raw.partition(string)
    return EventTemplate(prefix, suffix, piece)
