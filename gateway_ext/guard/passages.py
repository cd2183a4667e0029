"""What confirmers read: a line, or the surroundings of a position in a long line.

Confirmers are Python code and regular expressions that hold the interpreter lock, so their cost must have a bound: a
passage has at most `BLOCK + 2 * (REACH + SNAP)` code points. Passages depend on the text alone, never on what was
hit, so that confirming the passages with hits finds what confirming all of them would.
"""

from __future__ import annotations

BLOCK = 1024
REACH = 512  # longest value that is found whole wherever it lies in a long line
SNAP = 128  # how far to look for white space to cut a long line at


def passage_at(text: str, position: int) -> tuple[int, int]:
    """The passage `[start, end)` that `position` lies in."""
    block = position - position % BLOCK
    low, high = max(0, block - REACH), min(len(text), block + BLOCK + REACH)
    start = text.rfind("\n", low, position) + 1
    if start == 0 and low > 0:
        start = _space_before(text, low)
    end = text.find("\n", position, high)
    return start, end if end >= 0 else _space_after(text, high)


def _space_before(text: str, position: int) -> int:
    """The nearest place after white space at or before `position`, not over the start of the line."""
    for start in range(position, max(0, position - SNAP), -1):
        if text[start - 1].isspace():
            return start
    return max(0, position - SNAP)


def _space_after(text: str, position: int) -> int:
    for end in range(position, min(len(text), position + SNAP)):
        if text[end].isspace():
            return end
    return min(len(text), position + SNAP)
