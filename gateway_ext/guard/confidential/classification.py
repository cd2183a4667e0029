"""Classification markings: `CONFIDENTIEL DÉFENSE`, `VS-NfD`, `STRENG VERTRAULICH`, `Classification: Confidential`."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from gateway_ext.guard.catalog import CONFIDENTIAL
from gateway_ext.guard.confidential.fold import letters
from gateway_ext.guard.confidential.markings import DISTINCTIVE, FIELDS, ORDINARY
from gateway_ext.guard.detector import Detector, Span

LINE_CHARACTERS_MAX = 120  # of a header or a footer

_ANY_CASE = re.ASCII | re.IGNORECASE
_GAP = r"[ \t_–—-]{1,3}"
_WORD = re.compile(r"[^\W\d_]+")
_PLAIN = r"[^\w\n\"'`|=,;:?!]"  # what decorates a line: brackets, asterisks, dashes, comment signs
_MARK = re.compile(rf"{_PLAIN}*")
_EDGE = re.compile(r"[^\n\"'`|=,;?!]{2,60}[ \t](?:[–—|•·-]|--)[ \t]+|[ \t]+(?:[–—|•·-]|--)[ \t][^\n\"'`|=,;?!]{2,60}")
_BESIDE = re.compile(
    r"(?:\d{1,4}|page|seite|pagina|página|strona|side|sida|of|von|sur|van|do not|distribute|copy|forward|copies|draft|only"
    rf"|for|{_PLAIN})*+",
    re.IGNORECASE,
)
_FIELDS = frozenset(" ".join(letters(name).split()) for name in FIELDS)


@dataclass(frozen=True, slots=True)
class _Marking:
    """One of the markings, at `[start, end)` of the text that was searched."""

    start: int
    end: int
    is_distinctive: bool
    is_capital: bool


def _expression(marking: str) -> str:
    """A regular expression for it. Capitals often lack their diacritics, and Ä, Ö, Ü become AE, OE, UE."""
    if not any(character.isascii() and character.isalpha() for character in marking):
        return "|".join(
            re.escape(form).replace(r"\ ", _GAP) for form in (marking, marking.lower(), marking.capitalize())
        )
    return "".join(map(_character, marking))


def _character(character: str) -> str:
    if character in " -":
        return _GAP
    if character.isascii():
        return re.escape(character)
    umlaut = "E?" if character in "ÄÖÜ" else ""
    return f"(?:{character}|{character.lower()}|{letters(character).upper()}{umlaut})"


def _by_first_word(markings: Sequence[str]) -> dict[str, list[tuple[re.Pattern[str], bool]]]:
    """Folded first word → the markings that begin with it, the longest first; whether it is distinctive."""
    found: defaultdict[str, list[tuple[re.Pattern[str], bool]]] = defaultdict(list)
    for marking in sorted(markings, key=len, reverse=True):
        pattern = re.compile(_expression(marking), _ANY_CASE)
        first = letters(marking).split()[0]
        for spelling in {first, letters(re.sub("([ÄÖÜ])", r"\1E", marking)).split()[0]}:
            found[spelling].append((pattern, marking in DISTINCTIVE))
    return dict(found)


class ClassificationDetector(Detector):
    """Distinctive markings in capitals anywhere; any on a line, at the edge of a line, or as the value of a field.

    The ordinary word in a sentence is none, nor is it in a list of constants.
    """

    name = "label_classification"
    version = "1"
    data_class = CONFIDENTIAL

    def __init__(self) -> None:
        self._markings = _by_first_word((*DISTINCTIVE, *ORDINARY))
        fields = "|".join(_expression(name.upper()) for name in FIELDS)
        ordinary = "|".join(map(_expression, ORDINARY))
        self.patterns = (
            *(re.compile(_expression(marking), _ANY_CASE) for marking in DISTINCTIVE),
            *(re.compile(_expression(marking), re.ASCII) for marking in ORDINARY),
            re.compile(rf"(?:{fields})[*_ \t]{{0,4}}:[*_ \t]{{0,4}}(?:{ordinary})", _ANY_CASE),
        )

    def confirm(self, text: str, start: int, end: int) -> Iterator[Span]:
        low = start
        while low < end:
            line_end = text.find("\n", low, end)
            high = end if line_end < 0 else line_end
            is_whole = (low == 0 or text[low - 1] == "\n") and (high == len(text) or text[high] == "\n")
            yield from self._in_line(text, low, high, is_short=is_whole and high - low <= LINE_CHARACTERS_MAX)
            low = high + 1

    def _in_line(self, text: str, low: int, high: int, *, is_short: bool) -> Iterator[Span]:
        markings = list(self._found(text, low, high))
        is_nothing_else = is_short and _is_nothing_else(text, low, high, markings)
        for marking in markings:
            before, after = text[low : marking.start], text[marking.end : high]
            if marking.is_distinctive and marking.is_capital:
                confidence = 0.9
            elif (
                (is_nothing_else and (marking.is_distinctive or marking.is_capital))
                or (is_short and marking.is_capital and _is_at_edge(before, after))
                or (is_short and _is_value(before, after))
            ):
                confidence = 0.8
            else:
                continue
            written = text[marking.start : marking.end]
            yield Span(marking.start, marking.end, confidence, " ".join(letters(written).split()))

    def _found(self, text: str, low: int, high: int) -> Iterator[_Marking]:
        position = low
        while word := _WORD.search(text, position, high):
            position = word.end()
            for pattern, is_distinctive in self._markings.get(letters(word[0]), ()):
                match = pattern.match(text, word.start(), high)
                if match and not text[match.end() : match.end() + 1].isalnum():
                    is_capital = match[0].isupper() or letters(match[0]).endswith("nfd")
                    yield _Marking(match.start(), match.end(), is_distinctive, is_capital)
                    position = match.end()
                    break


def _is_nothing_else(text: str, low: int, high: int, markings: Sequence[_Marking]) -> bool:
    """Whether a line says nothing but markings, and what goes with them: a page number, `do not copy`."""
    position = low
    for marking in markings:
        if not _BESIDE.fullmatch(text, position, marking.start):
            return False
        position = marking.end
    return bool(_BESIDE.fullmatch(text, position, high))


def _is_at_edge(before: str, after: str) -> bool:
    """`ACME GmbH – CONFIDENTIAL`, `CONFIDENTIAL | ACME GmbH`."""
    return bool(
        (_MARK.fullmatch(before) and _EDGE.fullmatch(after)) or (_EDGE.fullmatch(before) and _MARK.fullmatch(after))
    )


def _is_value(before: str, after: str) -> bool:
    """`Classification: Confidential`."""
    name, colon, rest = before.partition(":")
    return (
        bool(colon and _MARK.fullmatch(rest) and _MARK.fullmatch(after)) and " ".join(letters(name).split()) in _FIELDS
    )
