"""Readings of the places of a text where there is something to read, with a little of what surrounds them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from gateway_ext.guard.views.offsets import Part, View, Writer

_CONTEXT_CHARACTERS = 64  # what a reading shows on both sides of what it replaces, for boundaries and context words


class Run(NamedTuple):
    """What `[start, end)` of the source is read as, in order."""

    start: int
    end: int
    parts: Sequence[Part]


def excerpts(source: View, runs: Iterable[Run], *, is_compact: bool | None = None) -> Iterator[View]:
    """One reading of all `runs`, in order and not overlapping, each with a little of what surrounds it; none if none.

    Excerpts that do not touch are parted.
    """
    writer = Writer(source)
    text = source.text
    reached = -1
    for run in runs:
        if reached < 0:
            writer.copy(_context_start(text, 0, run.start), run.start)
        elif run.start - reached <= 2 * _CONTEXT_CHARACTERS:
            writer.copy(reached, run.start)
        else:
            context_end = _context_end(text, reached)
            writer.copy(reached, context_end)
            writer.part()
            writer.copy(_context_start(text, context_end, run.start), run.start)
        writer.add(run.parts)
        reached = run.end
    if reached >= 0:
        writer.copy(reached, _context_end(text, reached))
        yield writer.view(is_compact=is_compact)


def _context_start(text: str, low: int, position: int) -> int:
    """Where the context before `position` begins; behind a space if there is one, so that no word is cut."""
    start = position - _CONTEXT_CHARACTERS
    if start <= low:
        return low
    space = text.find(" ", start, position)
    return start if space < 0 else space


def _context_end(text: str, position: int) -> int:
    end = position + _CONTEXT_CHARACTERS
    if end >= len(text):
        return len(text)
    space = text.rfind(" ", position, end)
    return end if space < 0 else space
