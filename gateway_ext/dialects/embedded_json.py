"""JSON inside strings: tool arguments, tool results, whatever a caller has serialized once more.

The model reads such a string decoded, while the document holds it with escapes, behind which a value could hide
(`"\\u0041KIA…"`). So each JSON string in it that has escapes is a text of its own. Its address is the offset of its
opening quote, and positions in it map to positions around it, so that an edit changes the characters found and leaves
all others as they are. Nothing here demands that the surrounding text be valid JSON.
"""

from __future__ import annotations

import json
import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterator

# Possessive, and the closing quote optional: linear in time on any input.
_STRING = re.compile(r'"([^"\\]*+(?:\\.[^"\\]*+)*+)"?', re.DOTALL)
_PAIR = r"u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}"
_ESCAPE = re.compile(rf"\\(?:{_PAIR}|u[0-9a-fA-F]{{4}}|.)?", re.DOTALL)
_LONE_SURROGATE = re.compile("[\ud800-\udfff]")
_DECODER = json.JSONDecoder(strict=False)


def may_hide_text(value: str) -> bool:
    """Whether `value` looks like a JSON object or array that uses escapes."""
    return "\\" in value and value.lstrip()[:1] in ("{", "[")


def escaped_strings(value: str) -> Iterator[tuple[int, str]]:
    """(offset of the opening quote, decoded string) of every JSON string in `value` that has escapes.

    A string with escapes unknown to JSON (RFC 8259 §7) is skipped: nobody could decode it. Half a surrogate pair, which
    some decoders accept, becomes U+FFFD.
    """
    for string in _STRING.finditer(value):
        if "\\" not in string[1]:
            continue
        try:
            decoded: str = _DECODER.decode(f'"{string[1]}"')
        except json.JSONDecodeError:
            continue
        yield string.start(), _LONE_SURROGATE.sub("\ufffd", decoded)


class Escapes:
    """Where the escapes are, of one JSON string within `value` (by its offset) or, without an offset, of all of it."""

    __slots__ = ("_base", "_decoded", "_ends", "_starts")

    def __init__(self, value: str, offset: int | None = None) -> None:
        self._base, end = 0, len(value)
        if offset is not None:
            string = _STRING.match(value, offset)
            assert string is not None, "an offset that escaped_strings has yielded"
            self._base, end = string.span(1)
        escapes = [match.span() for match in _ESCAPE.finditer(value, self._base, end)]
        self._starts = [start for start, _ in escapes]
        self._ends = [end for _, end in escapes]
        self._decoded: list[int] = []  # index, in the decoded string, of the character each escape stands for
        saved = self._base
        for start, end in escapes:
            self._decoded.append(start - saved)
            saved += end - start - 1

    def position(self, decoded: int) -> int:
        """The position in `value` of the decoded string's code point `decoded`."""
        before = bisect_left(self._decoded, decoded)
        if before == 0:
            return self._base + decoded
        return self._ends[before - 1] + decoded - self._decoded[before - 1] - 1

    def widen(self, start: int, end: int) -> tuple[int, int]:
        """The smallest span of `value` around `[start, end)` that cuts no escape in two, which would break the JSON."""
        first, last = bisect_right(self._starts, start) - 1, bisect_left(self._starts, end) - 1
        if first >= 0 and start < self._ends[first]:
            start = self._starts[first]
        if last >= 0:
            end = max(end, self._ends[last])
        return start, end


def escape(text: str) -> str:
    """`text` as it is written within the quotes of a JSON string."""
    return json.dumps(text, ensure_ascii=False)[1:-1]
