"""How many tokens of output a stream has carried at most, without reading each of its events."""

from __future__ import annotations

import json
from collections.abc import Iterator

import orjson

_LOOKS_AT_START = 8  # streams begin with events of several shapes
_PADDING = b'"obfuscation":"'  # that OpenAI puts into events so that their lengths tell nothing
_NO_TEXT = frozenset({"type", "role", "finish_reason", "id"})

# Weights in sevenths of a token. Of what models write, random letters and digits are densest: 1.46 characters a token
# (base64 in OpenAI's o200k). Characters of three bytes may be a token each, those of four bytes (emoji) three.
_TOKEN = 7
_CHARACTER = 5


class SeenOutput:
    """Counts events and what they weigh. What is wrapped around the text of an event is learnt from the first events, from
    each one shorter than all before it, and from ever fewer others; the leanest wrapping is taken to be that of all.

    There are at least as many tokens as events, and as many as the text may weigh.
    """

    __slots__ = ("_leanest_bytes", "_look_at", "_weight", "_wrapping_bytes", "events")

    def __init__(self) -> None:
        self.events = 0
        self._weight = 0
        self._leanest_bytes = 0  # of any event
        self._wrapping_bytes = 0
        self._look_at = 1

    def see(self, data: bytes) -> None:
        """The data of one event that carries output."""
        self.events += 1
        self._weight += _weight(data)
        if len(data) < self._leanest_bytes or self.events >= self._look_at:
            self._look(data)

    @property
    def tokens(self) -> int:
        """Never fewer than before."""
        text_weight = self._weight - self.events * self._wrapping_bytes * _CHARACTER
        return max(self.events, -(-text_weight // _TOKEN))

    def _look(self, data: bytes) -> None:
        wrapping_bytes = max(0, len(data) - _padding_bytes(data) - _text_bytes(data))
        is_first = self.events == 1
        self._wrapping_bytes = wrapping_bytes if is_first else min(self._wrapping_bytes, wrapping_bytes)
        self._leanest_bytes = len(data) if is_first else min(self._leanest_bytes, len(data))
        if self.events >= self._look_at:
            self._look_at = self.events + 1 if self.events < _LOOKS_AT_START else 2 * self.events


def _weight(data: bytes) -> int:
    """Of an event as a whole, wrapping included; never less than of its text and five for each byte of the wrapping."""
    weight = len(data) * _CHARACTER
    if not data.isascii():
        further_bytes = len(data) - len(data.decode("utf-8", "replace"))
        weight += data.count(b"\xf0") * 2 * _TOKEN - further_bytes * (_CHARACTER - 1)
    if escapes := data.count(b"\\u"):
        weight -= escapes * (6 * _CHARACTER - _TOKEN)
    return weight - _padding_bytes(data) * _CHARACTER


def _padding_bytes(data: bytes) -> int:
    start = data.rfind(_PADDING)
    if start < 0:
        return 0
    start += len(_PADDING)
    return max(0, data.find(b'"', start) - start)


def _text_bytes(data: bytes) -> int:
    """At most so many bytes of an event's data are text, however it is escaped; all of them when it cannot be read."""
    try:
        document = orjson.loads(data)
    except orjson.JSONDecodeError:
        return len(data)
    if not isinstance(document, dict):
        return len(data)
    carrying = [document.get(key) for key in ("choices", "delta", "content_block")]
    is_escaped = data.isascii()
    return sum([len(json.dumps(text) if is_escaped else orjson.dumps(text)) - len('""') for text in _strings(carrying)])


def _strings(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for name, item in value.items():
            if name not in _NO_TEXT:
                yield from _strings(item)
    elif isinstance(value, list):
        for item in value:
            yield from _strings(item)
