"""Where a run of certain characters begins and ends around a position."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

_REACH = 4096  # how far back the beginning is looked for


def runs_at(characters: re.Pattern[str], text: str, positions: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Each run that one of `positions` lies in, in order. `characters` matches any run, also an empty one."""
    end = 0
    for position in sorted(positions):
        if position < end:
            continue
        low = max(end, position - _REACH)
        before = characters.match(text[low:position][::-1])
        start = position - (before.end() if before else 0)
        run = characters.match(text, position)
        end = run.end() if run else position
        if start < end:
            yield start, end
