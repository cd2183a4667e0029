"""Which characters the folded reading changes: normal form NFKC (Unicode Standard Annex #15), invisible ones removed.

Normalising piece by piece is right as long as no piece begins with a character that can join the one before it.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator

from gateway_ext.guard.detector import TooManyCandidates
from gateway_ext.guard.views.offsets import Part, View, Writer, pieces_max
from gateway_ext.guard.views.signs import Hint

# Format characters (category Cf: zero-width spaces and joiners, soft hyphen, marks of direction, tags), the grapheme
# joiner, the blank Hangul fillers and the variation selectors; line and paragraph separators that no keyboard has.
_INVISIBLE = (
    "\u0085\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164"
    "\ufe00-\ufe0f\ufeff\uffa0\ufff9-\ufffb\U000e0000-\U000e0fff"
)
INVISIBLE = re.compile(f"[{_INVISIBLE}]")

# The planes with characters that normalisation touches; the planes between hold plain ideographs.
_ASSIGNED = (*range(0x80, 0x20000), *range(0x2F800, 0x2FA20))

# _INVISIBLE in bytes, and for the sake of speed all of F3 A0.
_invisible = Hint(
    r"\xC2[\x85\xAD]|\xCD\x8F|\xD8\x9C|\xE1\x85[\x9F\xA0]|\xE1\x9E[\xB4\xB5]|\xE1\xA0[\x8B-\x8F]|\xE2\x80[\x8B-\x8F\xA8-\xAE]"
    r"|\xE2\x81[\xA0-\xAF]|\xE3\x85\xA4|\xEF\xB8[\x80-\x8F]|\xEF\xBB\xBF|\xEF\xBE\xA0|\xEF\xBF[\xB9-\xBB]|\xF3\xA0"
)


# All characters but the letters of Western and Central Europe, plain quotation marks, bullets and the euro sign.
_rare = Hint(
    r"[\xC6-\xE1\xE3-\xFF]|\xC2[\x85\xA0\xA8\xAA\xAD\xAF\xB2-\xB5\xB8-\xBA\xBC-\xBE]|\xC4[\xB1-\xB3\xBF]|\xC5[\x80\x89\xBF]"
    r"|\xE2(?:[\x81\x83-\xBF]|\x80[^\x98-\x9E\xA2]|\x82[^\xAC])"
)


def is_common(text: str, data: bytes) -> bool:
    """Whether `text`, given also in UTF-8, has none but characters that folding leaves alone and no other is taken for."""
    return len(text) == len(data) or not _rare.is_in(data)


def is_folded(text: str, data: bytes) -> bool:
    """Whether `text`, given also in UTF-8, is its own folded reading; a few characters out of use count as not."""
    return is_common(text, data) or not (_invisible.is_in(data) or not unicodedata.is_normalized("NFKC", text))


def _fold(text: str) -> str:
    return unicodedata.normalize("NFKC", INVISIBLE.sub("", text))


def _fold_stretch(match: re.Match[str]) -> str:
    return match[0].translate(_SINGLES)


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


def _tables() -> tuple[dict[int, str], re.Pattern[str]]:
    joining = _joining()
    one_to_one: dict[int, str] = {}
    one_to_many: list[str] = []
    for character in map(chr, _ASSIGNED):
        normal = unicodedata.normalize("NFKC", character)
        if normal != character and not INVISIBLE.match(character):
            if len(normal) == 1:
                one_to_one[ord(character)] = normal
            else:
                one_to_many.append(character)
            if len(normal) > 1 and normal[0] in joining:
                joining.add(character)
    return one_to_one, re.compile(f"[{_ranges(joining)}{_ranges(one_to_many)}{_INVISIBLE}]+")


_SINGLES, _RUN = _tables()
"""Characters that become one other; and runs of those that merge with one before them, multiply or vanish."""
_ONE_TO_ONE = re.compile(f"[{_ranges(map(chr, _SINGLES))}]+")


def folded(source: View) -> View:
    """`source` in NFKC without invisible characters.

    Raises TooManyCandidates for texts so full of them that the map of offsets would fill the memory.
    """
    text = _ONE_TO_ONE.sub(_fold_stretch, source.text)  # most of what there is, and offsets stay
    writer = Writer(source)
    run_max = pieces_max(text)
    position = 0
    for run in _RUN.finditer(text):
        start, end = run.span()
        if end - start > run_max:
            raise TooManyCandidates
        alone = _fold(run[0])
        if start and _fold(text[start - 1 : end]) != text[start - 1] + alone:
            start -= 1  # it merges with the character before
        cluster = text[start:end]
        whole = _fold(cluster)
        if whole == cluster:
            continue
        writer.add([Part(text[position:start], position, start, 1, 1)])
        writer.add(_cluster(cluster, whole, start))
        position = end
    writer.add([Part(text[position:], position, len(text), 1, 1)])
    return writer.view(depth=source.depth)


def _cluster(cluster: str, whole: str, start: int) -> Iterator[Part]:
    """What each character of `cluster` becomes; if they merge, the cluster can only be taken as a `whole`."""
    if not whole:
        return
    singly = [_fold(character) for character in cluster]
    if "".join(singly) != whole:
        yield Part(whole, start, start + len(cluster), len(whole), len(cluster))
        return
    for offset, part in enumerate(singly, start):
        yield Part(part, offset, offset + 1, len(part), 1)
