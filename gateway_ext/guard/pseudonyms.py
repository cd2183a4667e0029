"""Pseudonyms: values replaced by placeholders on their way to a model, and restored in its answer.

Numbered by first appearance in one request, so a chat that sends its history again gets the same ones every turn and
nothing has to be kept between requests. What they stand for lives in memory until the answer has passed.
"""

from __future__ import annotations

import json
import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping
from itertools import count

_NAME = r"[A-Z][A-Z0-9]{0,63}(?:\\?_[A-Z0-9]{1,64}){1,12}"
_OPENING, _CLOSING = r"(?:\\?<|&lt;|\\u003c)", r"(?:\\?>|&gt;|\\u003e)"
_WORD_BEGINS = r"(?:(?<!\w)|(?<=\\[nrt]))"  # in JSON a line break ends in a letter
# Models write placeholders in other case, escaped for Markdown, HTML or JSON, and in capitals without the brackets.
_WRITTEN = re.compile(rf"(?i:{_OPENING}({_NAME}){_CLOSING})|{_WORD_BEGINS}({_NAME})(?!\w|\\_)", re.ASCII)
_ESCAPE_BEGINS = r"\\(?:u(?:0(?:03?)?)?)?"
_UNFINISHED = re.compile(
    rf"(?:{_OPENING}|{_WORD_BEGINS})((?:[A-Z0-9_]|\\(?=_|\Z))*)(?:{_ESCAPE_BEGINS}|&(?:gt?)?)?\Z"
    rf"|(?:{_ESCAPE_BEGINS}|&(?:lt?)?)\Z",
    re.ASCII | re.IGNORECASE,
)
_UNFINISHED_CHARACTERS_MAX = 512  # longer than any placeholder, with every underscore escaped
_MAY_BEGIN = re.compile(rf"[<&\\]|{_WORD_BEGINS}[A-Z]", re.ASCII)


class Pseudonyms:
    """The placeholders of one request. Equal values (equal `key`) share one; those written by the caller are avoided.

    `originals` maps placeholders to what they stand for: the value as it was first written.
    """

    def __init__(self, texts: Iterable[str]) -> None:
        self._texts = tuple(texts)
        self._given: dict[tuple[str, str], str] = {}
        self._numbers: dict[str, Iterator[int]] = {}
        self.originals: dict[str, str] = {}

    def placeholder(self, detector: str, key: str, original: str) -> str:
        """The placeholder for a value of `detector`, e.g. `<EMAIL_1>`. Ask in the order of the texts."""
        given = self._given.get((detector, key))
        if given is None:
            kind = detector.upper()
            if kind not in self._numbers:
                self._numbers[kind] = self._unwritten(kind)
            given = self._given[detector, key] = f"<{kind}_{next(self._numbers[kind])}>"
            self.originals[given] = original
        return given

    def _unwritten(self, kind: str) -> Iterator[int]:
        """Numbers that no text has behind `kind`, in any of the forms that will be restored."""
        written = {
            int(number)
            for text in self._texts
            for number in re.findall(rf"{kind}_([0-9]{{1,18}})", text.upper().replace("\\_", "_"))
        }
        return (number for number in count(1) if number not in written)


class PseudonymVault:
    """What the placeholders of one request stand for. Restores those and no others, each once: values may hold `<X_1>`.

    `originals` as in Pseudonyms. Inspect a model's text before it is restored: what comes back is the caller's own.
    """

    __slots__ = ("_names", "_originals")

    def __init__(self, originals: Mapping[str, str]) -> None:
        self._originals = {placeholder.strip("<>"): original for placeholder, original in originals.items()}
        self._names = sorted(self._originals)

    def __repr__(self) -> str:
        return f"PseudonymVault({len(self._names)} values)"

    def __bool__(self) -> bool:
        return bool(self._names)

    def restore(self, text: str, *, in_json: bool = False) -> str:
        """`text` with the originals. `in_json`: it is JSON source, such as a tool call's arguments."""
        parts: list[str] = []
        position = 0
        for start, end, original in self.found(text, in_json=in_json):
            parts += (text[position:start], original)
            position = end
        return "".join((*parts, text[position:]))

    def found(self, text: str, start: int = 0, *, in_json: bool = False) -> Iterator[tuple[int, int, str]]:
        """Start, end and original of each placeholder of this vault that begins at or after `start`, in order."""
        if not self._names:
            return
        for match in _WRITTEN.finditer(text, start):
            original = self._originals.get(_name(match[1] or match[2]))
            if original is not None:
                yield match.start(), match.end(), json.dumps(original)[1:-1] if in_json else original

    def unfinished(self, text: str, start: int = 0) -> int:
        """Where, at or after `start`, the end of `text` may be the beginning of a placeholder; its length if nowhere."""
        start = max(start, len(text) - _UNFINISHED_CHARACTERS_MAX)
        if self._names:
            for opening in _MAY_BEGIN.finditer(text, start):
                match = _UNFINISHED.match(text, opening.start())
                if match and self._begins(_name(match[1] or "").rstrip("\\")):
                    return opening.start()
        return len(text)

    def _begins(self, beginning: str) -> bool:
        index = bisect_left(self._names, beginning)
        return index < len(self._names) and self._names[index].startswith(beginning)


def _name(written: str) -> str:
    return written.replace("\\_", "_").upper()


class Restorer:
    """Restores in a text that arrives in pieces; only an end that may be a placeholder's beginning is held back."""

    __slots__ = ("_before", "_held", "_in_json", "_vault")

    def __init__(self, vault: PseudonymVault, *, in_json: bool = False) -> None:
        self._vault = vault
        self._in_json = in_json
        self._before = ""  # what was there before the held end: it tells whether a word begins
        self._held = ""

    def __repr__(self) -> str:
        return f"Restorer({self._vault!r})"

    def feed(self, piece: str) -> str:
        """What may go on now."""
        return self._release(piece, is_last=False)

    def finish(self) -> str:
        """What was still held back."""
        return self._release("", is_last=True)

    def _release(self, piece: str, *, is_last: bool) -> str:
        text = self._before + self._held + piece
        start = len(self._before)
        end = len(text) if is_last else self._vault.unfinished(text, start)
        parts: list[str] = []
        position = start
        for first, last, original in self._vault.found(text, start, in_json=self._in_json):
            if last > end:
                break
            parts += (text[position:first], original)
            position = last
        parts.append(text[position:end])
        self._before, self._held = text[max(0, end - 2) : end], text[end:]
        return "".join(parts)
