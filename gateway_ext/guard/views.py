"""Readings of one text: as it is, and with compatibility characters folded and invisible ones taken out.

Full-width digits, no-break spaces between groups or a zero-width space inside a key hide a value from patterns, but
not from the person or the model who reads it. Offsets of the folded reading map back to the original characters.
Normal form NFKC: Unicode Standard Annex #15.
"""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field

# Format characters (category Cf: zero-width spaces and joiners, soft hyphen, marks of direction, tags), the grapheme
# joiner, the blank Hangul fillers and the variation selectors.
_INVISIBLE = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164"
    "\ufe00-\ufe0f\ufeff\uffa0\ufff9-\ufffb\U000e0000-\U000e0fff]+"
)
# Folding never reaches over an ASCII character, except that combining marks change the one before them.
_CLUSTER = re.compile("[\x00-\x7f]?[^\x00-\x7f]+")


@dataclass(frozen=True, slots=True)
class _Piece:
    """`start` in the view stands for `[original_start, original_end)`, character by character if `is_verbatim`."""

    start: int
    original_start: int
    original_end: int
    is_verbatim: bool


@dataclass(frozen=True, slots=True)
class View:
    """A reading of a text. `pieces` is empty when it is the text itself."""

    text: str = field(repr=False)
    pieces: tuple[_Piece, ...] = ()
    starts: tuple[int, ...] = field(default=(), repr=False)

    def original(self, start: int, end: int) -> tuple[int, int]:
        """The original characters that `[start, end)` of this view, not empty, was read from."""
        if not self.pieces:
            return start, end
        first, last = self._piece(start), self._piece(end - 1)
        return (
            first.original_start + (start - first.start if first.is_verbatim else 0),
            last.original_start + (end - last.start) if last.is_verbatim else last.original_end,
        )

    def _piece(self, position: int) -> _Piece:
        return self.pieces[bisect_right(self.starts, position) - 1]


def views(text: str) -> Iterator[View]:
    """The text itself and, where it differs, its folded reading."""
    yield View(text)
    if text.isascii() or (unicodedata.is_normalized("NFKC", text) and not _INVISIBLE.search(text)):
        return
    yield folded(text)


def folded(text: str) -> View:
    """`text` in NFKC without invisible characters."""
    parts: list[str] = []
    pieces: list[_Piece] = []
    length = position = 0

    def add(part: str, start: int, end: int, is_verbatim: bool) -> None:
        nonlocal length
        if part:
            parts.append(part)
            pieces.append(_Piece(length, start, end, is_verbatim))
            length += len(part)

    for cluster in _CLUSTER.finditer(text):
        if unicodedata.is_normalized("NFKC", cluster[0]) and not _INVISIBLE.search(cluster[0]):
            continue
        start, end = cluster.span()
        add(text[position:start], position, start, True)
        singly = [_fold(character) for character in cluster[0]]
        if "".join(singly) == (whole := _fold(cluster[0])):
            for offset, part in enumerate(singly, start):
                add(part, offset, offset + 1, False)
        else:  # characters have merged, so the cluster can only be taken as a whole
            add(whole, start, end, False)
        position = end
    add(text[position:], position, len(text), True)
    return View("".join(parts), tuple(pieces), tuple(piece.start for piece in pieces))


def _fold(text: str) -> str:
    return unicodedata.normalize("NFKC", _INVISIBLE.sub("", text))
