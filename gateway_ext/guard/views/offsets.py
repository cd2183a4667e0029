"""Readings of a text, and the way back from their characters to the original ones."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import NamedTuple

from gateway_ext.guard.detector import TooManyCandidates

PARTING = "\n;x;\n"  # no reading goes across this: it is neither a gap nor a part of anything

_PIECES_FREE = 4096
_CHARACTERS_PER_PIECE, _FOREIGN_CHARACTERS_PER_PIECE = 36, 32  # least, on average, before a text is given up
_CHARACTERS_PER_PART = 8


# Named tuples, because a hostile text makes a hundred thousand of each of these.
class Piece(NamedTuple):
    """From `start` of a view on, each `unit` characters were read from `source_unit` characters of its source.

    These begin at `source_start` and end at `source_end` at the latest: 1 from 1 is verbatim, 3 from 4 is base64.
    """

    start: int
    source_start: int
    source_end: int
    unit: int
    source_unit: int


class Part(NamedTuple):
    """`reading` stands for `[start, end)` of the source: each `unit` characters for `source_unit` ones."""

    reading: str
    start: int
    end: int
    unit: int
    source_unit: int


@dataclass(frozen=True, slots=True)
class View:
    """A reading of a text; the text itself has no `source`.

    `is_compact`: words may run together in it, so that only detectors with `reads_compact` may read it.
    `depth` counts the decodings that led to it.
    """

    text: str = field(repr=False)
    source: View | None = field(default=None, repr=False)
    pieces: tuple[Piece, ...] = field(default=(), repr=False)
    starts: tuple[int, ...] = field(default=(), repr=False)
    is_compact: bool = False
    depth: int = 0

    def original(self, start: int, end: int) -> tuple[int, int]:
        """The fewest original characters that `[start, end)` of this view, not empty, was read from."""
        if self.source is None:
            return start, end
        first, last = self._piece(start), self._piece(end - 1)
        units_before = (start - first.start) // first.unit
        units_through = (end - 1 - last.start) // last.unit + 1
        return self.source.original(
            min(first.source_end, first.source_start + units_before * first.source_unit),
            min(last.source_end, last.source_start + units_through * last.source_unit),
        )

    def _piece(self, position: int) -> Piece:
        return self.pieces[bisect_right(self.starts, position) - 1]


def parts_by_width(reading: str, widths: Sequence[int] | int, start: int) -> list[Part]:
    """Parts for `reading`, of which each character was read from as many source characters as its width says.

    Raises TooManyCandidates if these change all the time.
    """
    if isinstance(widths, int):
        return [Part(reading, start, start + len(reading) * widths, 1, widths)]
    parts: list[Part] = []
    position = 0
    parts_max = _PIECES_FREE + len(reading) // _CHARACTERS_PER_PART
    for width, group in groupby(widths):
        if len(parts) == parts_max:
            raise TooManyCandidates
        size = sum(1 for _ in group)
        parts.append(Part(reading[position : position + size], start, start + size * width, 1, width))
        position, start = position + size, start + size * width
    return parts


def pieces_max(text: str) -> int:
    """How many pieces a reading of `text` may have: each costs microseconds, and memory."""
    return _PIECES_FREE + len(text) // (_CHARACTERS_PER_PIECE if text.isascii() else _FOREIGN_CHARACTERS_PER_PIECE)


class Writer:
    """Writes a reading of `source` from its beginning to its end.

    Raises TooManyCandidates for more pieces than `pieces_max` of it.
    """

    def __init__(self, source: View) -> None:
        self._pieces_max = pieces_max(source.text)
        self._source = source
        self._texts: list[str] = []
        self._pieces: list[Piece] = []
        self._length = 0

    def copy(self, start: int, end: int) -> None:
        if start < end:
            self._add(self._source.text[start:end], start, end, 1, 1)

    def part(self) -> None:
        """Part what follows from what is written. The mark stands for nothing: the end of the last piece."""
        self._texts.append(PARTING)
        self._length += len(PARTING)

    def add(self, parts: Iterable[Part]) -> None:
        for part in parts:
            if part.reading:
                self._add(*part)

    def _add(self, reading: str, start: int, end: int, unit: int, source_unit: int) -> None:
        if len(self._pieces) == self._pieces_max:
            raise TooManyCandidates
        self._texts.append(reading)
        self._pieces.append(Piece(self._length, start, end, unit, source_unit))
        self._length += len(reading)

    def view(self, *, is_compact: bool | None = None, depth: int | None = None) -> View:
        """The reading, as compact as its source and one decoding deeper, unless told otherwise."""
        starts = tuple([piece.start for piece in self._pieces])
        depth = self._source.depth + 1 if depth is None else depth
        is_compact = self._source.is_compact if is_compact is None else is_compact
        return View("".join(self._texts), self._source, tuple(self._pieces), starts, is_compact, depth)
