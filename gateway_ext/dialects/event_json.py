"""JSON that arrives in pieces, read without its escapes: `\\u0041` cut in two anywhere is still one `A`.

The reading stands in for the JSON where the Guard looks for texts. Positions in it map back to the JSON as it came, so
that an edit covers whole escapes and all other characters stay as they are. Escapes: RFC 8259 §7.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right

_HIGH = r"u[dD][89abAB][0-9a-fA-F]{2}"
_LOW = r"\\u[dD][c-fC-F][0-9a-fA-F]{2}"
_WHOLE = rf'\\{_HIGH}{_LOW}|\\u[0-9a-fA-F]{{4}}|\\["\\/bfnrt]|"'
# The end of a piece that the next one may turn into an escape, or into the first half of a pair into a pair.
_CUT = rf"\\{_HIGH}(?:\\(?:u(?:[dD](?:[c-fC-F][0-9a-fA-F]?)?)?)?)?\Z|\\(?:u[0-9a-fA-F]{{0,3}})?\Z"
_TOKEN_OR_CUT = re.compile(rf"(?P<cut>{_CUT})|{_WHOLE}")
_TOKEN = re.compile(_WHOLE)
_CHARACTERS = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}


class JsonTextDecoder:
    """One JSON text. `feed` it pieces; positions count code points from the start of the text.

    What is no escape known to JSON is read as it is. Half a surrogate pair becomes U+FFFD.
    """

    __slots__ = ("_decoded", "_ends", "_is_inside", "_length", "_pending", "_quotes", "_raw_length")

    def __init__(self, start: int = 0) -> None:
        self._ends, self._decoded = [0], [-1]  # an escape without characters ahead of the text, so that there is one
        self._quotes: list[int] = []  # where strings begin and end, in turns
        self._is_inside = False  # whether the first of them ends a string
        self._pending = ""
        self._length = self._raw_length = start  # up to there the reading and the text are the same

    def feed(self, piece: str) -> str:
        """The characters that `piece` completes."""
        return self._read(self._pending + piece, _TOKEN_OR_CUT)

    def finish(self) -> str:
        """The characters left when no piece will follow: an escape that was never completed, as it is."""
        return self._read(self._pending, _TOKEN)

    def position(self, decoded: int) -> int:
        """The position in the JSON of code point `decoded` of the reading; at its end, where pending input begins."""
        before = bisect_left(self._decoded, decoded) - 1
        return self._ends[before] + decoded - self._decoded[before] - 1

    def is_inside_string(self, position: int) -> bool:
        """Whether the character at `position` of the JSON is one of a string's, not a quote around it."""
        opened = bisect_left(self._quotes, position)
        is_quote = opened < len(self._quotes) and self._quotes[opened] == position
        return (opened % 2 == 1) is not self._is_inside and not is_quote

    def forget(self, position: int) -> None:
        """Nobody will ask for what is before `position` of the JSON."""
        passed = max(0, bisect_right(self._ends, position) - 1)
        del self._ends[:passed], self._decoded[:passed]
        quotes = bisect_left(self._quotes, position)
        self._is_inside ^= quotes % 2 == 1
        del self._quotes[:quotes]

    def _read(self, text: str, token: re.Pattern[str]) -> str:
        parts: list[str] = []
        done = 0
        self._pending = ""
        for match in token.finditer(text):
            self._take(parts, text[done : match.start()])
            done = match.end()
            if match.lastgroup == "cut":
                self._pending = match[0]
            elif match[0] == '"':
                self._quotes.append(self._raw_length)
                self._take(parts, '"')
            else:
                self._take_escape(parts, match[0])
        self._take(parts, text[done:])
        return "".join(parts)

    def _take(self, parts: list[str], verbatim: str) -> None:
        parts.append(verbatim)
        self._length += len(verbatim)
        self._raw_length += len(verbatim)

    def _take_escape(self, parts: list[str], escape: str) -> None:
        self._decoded.append(self._length)
        self._raw_length += len(escape)
        self._ends.append(self._raw_length)
        self._length += 1
        parts.append(_character(escape))


def _character(escape: str) -> str:
    if escape[1] != "u":
        return _CHARACTERS.get(escape[1], escape[1])
    code = int(escape[2:6], 16)
    if len(escape) > 6:
        return chr(0x10000 + ((code - 0xD800) << 10) + int(escape[8:], 16) - 0xDC00)
    return "\ufffd" if 0xD800 <= code < 0xE000 else chr(code)
