"""Which characters the folded reading changes: normal form NFKC (Unicode Standard Annex #15), invisible ones removed.

Normalising piece by piece is right as long as no piece begins with a character that can join the one before it.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

# Format characters (category Cf: zero-width spaces and joiners, soft hyphen, marks of direction, tags), the grapheme
# joiner, the blank Hangul fillers and the variation selectors.
_INVISIBLE = (
    "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164"
    "\ufe00-\ufe0f\ufeff\uffa0\ufff9-\ufffb\U000e0000-\U000e0fff"
)
INVISIBLE = re.compile(f"[{_INVISIBLE}]")

# The planes with characters that normalisation touches; the planes between hold plain ideographs.
_ASSIGNED = (*range(0x80, 0x20000), *range(0x2F800, 0x2FA20))


def fold(text: str) -> str:
    return unicodedata.normalize("NFKC", INVISIBLE.sub("", text))


def fold_match(match: re.Match[str]) -> str:
    normal = unicodedata.normalize("NFKC", match[0])
    return normal if len(normal) == 1 else match[0]


def _ranges(characters: Iterable[str]) -> str:
    """The inside of a character class with at least these.

    Beyond the basic plane, where `re` tries range by range, small gaps are filled: it is only asked where to look.
    """
    ranges: list[list[int]] = []
    for code in sorted(map(ord, characters)):
        gap_max = 1 if code < 0x10000 else 0x100
        if ranges and code - ranges[-1][1] <= gap_max and (code < 0x10000) == (ranges[-1][0] < 0x10000):
            ranges[-1][1] = code
        else:
            ranges.append([code, code])
    return "".join(f"{chr(low)}-{chr(high)}" for low, high in ranges)


def _joining() -> set[str]:
    """Characters that may merge with, or move before, the one before them."""
    jamo = {chr(code) for code in (*range(0x1161, 0x1176), *range(0x11A8, 0x11C3))}
    marks = {character for character in map(chr, _ASSIGNED) if unicodedata.combining(character)}
    pairs = (unicodedata.decomposition(character).split() for character in map(chr, _ASSIGNED))
    seconds = {chr(int(pair[1], 16)) for pair in pairs if len(pair) == 2 and not pair[0].startswith("<")}
    return jamo | marks | seconds


def _tables() -> tuple[re.Pattern[str], re.Pattern[str]]:
    joining = _joining()
    one_to_one: list[str] = []
    one_to_many: list[str] = []
    for character in map(chr, _ASSIGNED):
        normal = unicodedata.normalize("NFKC", character)
        if normal != character and not INVISIBLE.match(character):
            (one_to_one if len(normal) == 1 else one_to_many).append(character)
            if len(normal) > 1 and normal[0] in joining:
                joining.add(character)
    return (
        re.compile(f"[{_ranges(one_to_one)}]"),
        re.compile(f"[{_ranges(joining)}{_ranges(one_to_many)}{_INVISIBLE}]+"),
    )


ONE_TO_ONE, RUN = _tables()
"""Characters that become one other; and runs of those that merge with one before them, multiply or vanish."""
