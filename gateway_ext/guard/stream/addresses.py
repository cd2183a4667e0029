"""Postal addresses in the making: which end of a growing text may still become one.

An address has a street with its number, and a place with its code; either may come first. What it begins with is
common in prose (a name, a number), so it is held word by word, and let go of as soon as the next words do not fit.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from gateway_ext.guard.personal import street_words
from gateway_ext.guard.stream.plain import plain
from gateway_ext.guard.views.folding import INVISIBLE

# As far as postal_address.py reads from one part of an address to the next, in characters.
_STREET_CHARACTERS = 44  # a name behind a word for streets
_ADDITION_CHARACTERS = 26  # a flat or a floor behind a number, before a comma or a line end
_LINE_CHARACTERS = 48
_CITY_CHARACTERS = 64
_ADDRESS_CHARACTERS = 320
_LINES_MAX = 5  # or parts between commas
_NAME_WORDS_MAX = 4
_HOUSE_DIGITS_MAX = 2
_BEGINNINGS_MAX = 12  # more are taken together

_WORD = re.compile(rf"[\w.'’/°º№{INVISIBLE.pattern[1:-1]}-]+")
_DIGIT = re.compile(r"\d")
_BREAK = re.compile(r"[,;][ \t]{0,2}(?:\r?\n)?|\n")
_BLANK_LINE = re.compile(r"\n[ \t\r]*\n")
_ENDS_STREET = re.compile(r"[\n;:(){}<>=]")
_COMMA = re.compile(r",? {0,2}\Z")
_NUMBER_SIGN = re.compile(r"n[.º°ro]{0,3}|č\.|p\.|č\.p\.|№", re.IGNORECASE)
_BEHIND_HOUSE = re.compile(r"bis|ter|quater|[a-e]", re.IGNORECASE)


def _any(words: str) -> str:
    return "|".join(map(re.escape, sorted(words.split("|"), key=len, reverse=True)))


_STREET = re.compile(rf"(?:{_any(street_words.BEFORE_NAME)})(?:\Z|(?<=[./]))", re.IGNORECASE)
_STREET_BEHIND_HOUSE = re.compile(_any(street_words.AFTER_NUMBER), re.IGNORECASE)
_STREET_BEHIND_NAME = re.compile(rf"(?:{_any(street_words.AFTER_NAME)})\.?")


@dataclass(slots=True)
class _Beginning:
    """`until`: it is no address if nothing that fits comes before. `words`: so many, with this one, may come
    before a number."""

    start: int
    until: int
    words: int = 0
    has_number: bool = True
    is_bare: bool = False  # so far a number, which must be one of a house or a place
    is_house: bool = False  # that number is too short for a place's code
    has_street: bool = True
    lines: int = 0


class Addresses:
    """Positions are counted from the beginning of the whole text."""

    def __init__(self) -> None:
        self._beginnings: list[_Beginning] = []
        self._end = 0  # of the latest word
        self._is_behind_number = False

    def note(self, text: str, origin: int, start: int, end: int) -> None:
        """`text[start:end]`, of a text that is remembered from `origin` on, is finished: a word, or some glued together."""
        for match in _WORD.finditer(text, start, end):
            gap = text[max(0, self._end - origin) : match.start()]
            if word := plain(match[0]):
                self._note(word, match.start() + origin, match.end() + origin, plain(gap))

    def live(self, end: int) -> int:
        """From where the text that ends at `end` may become an address."""
        return min((each.start for each in self._beginnings if end <= each.until), default=end)

    def _note(self, word: str, start: int, end: int, gap: str) -> None:
        is_number = _DIGIT.search(word) is not None
        capital = next((index for index, letter in enumerate(word) if letter.isupper()), None)
        if self._beginnings:
            may_be_city = capital is not None and (self._is_behind_number or _BREAK.search(gap) is not None)
            self._beginnings = [
                each
                for each in self._beginnings
                if start <= each.until
                and (
                    self._has_place(each, word, start, end, gap, is_number=is_number, may_be_city=may_be_city)
                    if each.has_number
                    else self._has_street(each, word, end, gap, is_number=is_number, is_name=capital is not None)
                )
            ]
        if _STREET.match(word):
            self._beginnings.append(_Beginning(start, end + _STREET_CHARACTERS, has_number=False))
        if is_number:
            if not any(each.is_bare for each in self._beginnings):  # one that goes on comprises this one
                is_house = len(_DIGIT.findall(word)) <= _HOUSE_DIGITS_MAX
                until = end + _ADDITION_CHARACTERS
                self._beginnings.append(_Beginning(start, until, is_bare=True, is_house=is_house, has_street=False))
        elif capital is not None:
            until = start + _ADDRESS_CHARACTERS
            self._beginnings.append(_Beginning(start + capital, until, _NAME_WORDS_MAX, has_number=False))
        while len(self._beginnings) > _BEGINNINGS_MAX:
            latter = self._beginnings.pop(1)
            self._beginnings[0].until = max(self._beginnings[0].until, latter.until)
        self._end = end
        self._is_behind_number = is_number

    @staticmethod
    def _has_street(each: _Beginning, word: str, end: int, gap: str, *, is_number: bool, is_name: bool) -> bool:
        """Whether the name of a street goes on, or ends in a number."""
        if is_number:
            each.has_number = True
            each.until = end + _ADDITION_CHARACTERS
        elif each.words:
            if not _NUMBER_SIGN.fullmatch(word):
                each.words -= 1
                if not is_name and each.words > 1:  # no more than two such words may follow
                    each.words -= 1
            return gap == " " and each.words > 0
        if each.words:
            return _COMMA.match(gap) is not None
        return _ENDS_STREET.search(gap) is None and (is_number or "," not in gap)

    @staticmethod
    def _has_place(
        each: _Beginning, word: str, start: int, end: int, gap: str, *, is_number: bool, may_be_city: bool
    ) -> bool:
        """Whether a place may follow."""
        is_street = _STREET_BEHIND_HOUSE.fullmatch(word) or _STREET_BEHIND_NAME.fullmatch(word)
        each.is_house = each.is_house and not is_number
        if each.is_bare:
            each.is_bare = is_number or _BEHIND_HOUSE.fullmatch(word) is not None
            if not (each.is_bare or is_street or may_be_city) or not _COMMA.match(gap):
                return False
        if _BLANK_LINE.search(gap) or (not each.has_street and _ENDS_STREET.search(gap)):
            return False
        each.has_street = each.has_street or is_street is not None
        if each.is_house and not each.has_street and not (each.is_bare or word[:1].isupper()):
            return False
        each.lines += len(_BREAK.findall(gap))
        reach = each.until
        if is_number:
            reach = end + _ADDITION_CHARACTERS
        elif may_be_city:
            reach = start + _CITY_CHARACTERS
        elif _BREAK.search(gap):
            reach = start + _LINE_CHARACTERS
        each.until = min(max(each.until, reach), each.start + _ADDRESS_CHARACTERS)
        return each.lines <= _LINES_MAX
