"""What is to be changed in a text, and why."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from gateway_ext.guard.cache import Match
from gateway_ext.guard.rules import Action


@dataclass(frozen=True, slots=True)
class Decision:
    """What policy makes of a match. `rank`: of overlapping ones that of the highest, then of the longest, is written."""

    action: Action
    replacement: str = field(default="", repr=False)
    rank: int = 0


@dataclass(frozen=True, slots=True)
class TextEdit:
    """Replace `[start, end)` (code points from the beginning of the whole text) by `replacement`."""

    start: int
    end: int
    replacement: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Change:
    """A match that policy enforces, or a placeholder to be restored (`match` is None)."""

    start: int
    end: int
    decision: Decision
    match: Match | None


def overlapping(changes: Sequence[Change]) -> Iterator[list[Change]]:
    """Groups of changes that overlap; replaced as one, no part of any value stays. `changes` are ordered by start."""
    group: list[Change] = []
    end = -1
    for change in changes:
        if change.start >= end and group:
            yield group
            group = []
        group.append(change)
        end = max(end, change.end)
    if group:
        yield group
