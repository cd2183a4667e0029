"""Readings of one text: as it is, and with compatibility characters folded and invisible ones taken out.

Full-width digits, no-break spaces between groups or a zero-width space inside a key hide a value from patterns, but
not from the person or the model who reads it. Offsets of the folded reading map back to the original characters.
Normal form NFKC: Unicode Standard Annex #15.
"""

from __future__ import annotations

import unicodedata
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field

from gateway_ext.guard.detector import TooManyCandidates
from gateway_ext.guard.views import folding
from gateway_ext.limits import GUARD_CANDIDATES_MAX


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


def has_views(text: str) -> bool:
    """Whether `views` yields more than the text itself."""
    return not text.isascii() and not (unicodedata.is_normalized("NFKC", text) and not folding.INVISIBLE.search(text))


def views(text: str) -> Iterator[View]:
    """The text itself and, where it differs, its folded reading."""
    yield View(text)
    if text.isascii() or (unicodedata.is_normalized("NFKC", text) and not folding.INVISIBLE.search(text)):
        return
    yield folded(text)


def folded(text: str) -> View:
    """`text` in NFKC without invisible characters.

    Raises TooManyCandidates for texts so full of them that the map of offsets would fill the memory.
    """
    text = folding.ONE_TO_ONE.sub(folding.fold_match, text)  # most of what there is, and offsets stay
    parts: list[str] = []
    pieces: list[_Piece] = []
    length = position = 0
    for run in folding.RUN.finditer(text):
        start, end = max(0, run.start() - 1), run.end()  # with the character that it may merge with
        if len(pieces) + end - start > GUARD_CANDIDATES_MAX:
            raise TooManyCandidates
        cluster = text[start:end]
        whole = folding.fold(cluster)
        if whole == cluster:
            continue
        singly = [folding.fold(character) for character in cluster]
        if "".join(singly) == whole:
            changed = [(part, offset, offset + 1) for offset, part in enumerate(singly, start) if part]
        else:  # characters have merged, so the cluster can only be taken as a whole
            changed = [(whole, start, end)] if whole else []
        if position < start:
            parts.append(text[position:start])
            pieces.append(_Piece(length, position, start, True))
            length += start - position
        for part, original_start, original_end in changed:
            parts.append(part)
            pieces.append(_Piece(length, original_start, original_end, False))
            length += len(part)
        position = end
    parts.append(text[position:])
    pieces.append(_Piece(length, position, len(text), True))
    return View("".join(parts), tuple(pieces), tuple(piece.start for piece in pieces))
