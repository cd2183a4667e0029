"""Postal addresses of Europe: street and number together with a postal code and a place (UPU S42, national templates).

Neither a street nor a place alone is an address. The place may stand on one of the next lines.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from gateway_ext.guard.lazy_pattern import LazyPattern
from gateway_ext.guard.personal import street_words
from gateway_ext.guard.personal.recognizer import Candidate, GuardRecognizer

_FLAGS = re.ASCII | re.IGNORECASE


def _any(words: str) -> str:
    return f"(?:{'|'.join(sorted(map(re.escape, words.split('|')), key=len, reverse=True))})"


_CAPITAL = "A-ZÀ-ÖØ-ÞĀĂĄĆČĎĐĒĖĘĚĞĢĪĮİĶĹĻŁŃŅŇŌŐŒŔŘŚŞŠŢŤŪŮŰŲŹŻŽȘȚΆΈΉΊΌΎΏΑ-ΩА-Я"
_LETTER = r"[^\W\d_]"
_CITY = rf"[{_CAPITAL}](?:{_LETTER}|[.'’-]){{1,24}}(?:[ /-](?:{_LETTER}|['’.-]){{1,20}}){{0,3}}(?: \d{{1,2}}\b)?"
_NUMBER = r"(?:n[.º°ro]{0,3} ?|č\. ?p\. ?|№ ?)?\d{1,4}(?:[-/]\d{1,4}){0,2}(?: ?[a-zа-я]\b)?(?!\w)"
_HOUSE_BEFORE = r"(?<![\w.,/-])\d{1,4}(?: ?(?:bis|ter|quater|[a-e]))?"

# Codes that stand before the place; those with a form of their own, by themselves or behind a country's letters.
_OWN_CODE = r"(?:\d{3} \d{2}|\d{2}-\d{3}|\d{4}-\d{3}|\d{4} ?[A-Z]{2}|[A-Z]{1,3}-\d{3} ?\d{1,2})"
_CODE = rf"(?:{_OWN_CODE}|(?:[A-Z]{{1,2}}[- ])?\d{{3,6}})"
# Codes that stand behind it: GB, IE (Eircode), MT, LV and LT; BG and RO.
_BRITISH = r"[A-Z]{1,2}\d[A-Z\d]? ?\d[ABD-HJLNP-UW-Z]{2}"
_EIRCODE = r"(?:[AC-FHKNPRTV-Y]\d{2}|D6W) ?[0-9AC-FHKNPRTV-Y]{4}"
_CODE_BEHIND = rf"(?:{_BRITISH}|{_EIRCODE}|[A-Z]{{3}} ?\d{{4}}|LV-\d{{4}}|LT-\d{{5}}|\d{{6}}|\d{{4}})"
_PLACE = rf"(?:{_CODE}[ ,]{{1,2}}{_CITY}|{_CITY},? {{0,2}}{_CODE_BEHIND}|{_BRITISH}|{_EIRCODE}|Dublin \d{{1,2}})(?!\w)"
_BREAK = r"(?:[,;][ \t]{0,2}(?:\r?\n)?|[ \t]{0,2}\r?\n)[ \t]{0,8}"
# Between number and place: a flat, a floor, a part of the town.
_TO_PLACE = rf"(?:[ ,]{{1,3}}|(?:[ .-][^\n,;]{{1,20}})?\.?{_BREAK}(?:[^\n,;]{{1,30}}{_BREAK}){{0,2}}?)"
_THEN_PLACE = re.compile(rf"{_TO_PLACE}(?P<place>{_PLACE})")
_PLACE_BEFORE = re.compile(rf"(?<!\w)(?:{_CODE} {_CITY}|{_CITY} {_CODE_BEHIND}),? {{1,2}}\Z")
_PLACE_BEFORE_CHARACTERS = 60

_NAME_THEN_NUMBER = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        rf"{_any(street_words.BEFORE_NUMBER)},? {{1,2}}{_NUMBER}",
        rf"(?:(?<={_LETTER})|(?<=\w )){_any(street_words.SHORT_BEFORE_NUMBER)} {{1,2}}{_NUMBER}",
    )
)
_WORD_FIRST = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        rf"(?<!\w){_any(street_words.BEFORE_NAME)}(?:(?<=[./])| )[^\n\d,;:(){{}}<>=]{{2,40}},? {_NUMBER}",
        rf"{_HOUSE_BEFORE},? {_any(street_words.AFTER_NUMBER)} [^\n\d,;:(){{}}<>=]{{2,40}}",
    )
)
_BRITISH_STREET = re.compile(
    rf"(?<![\w.,/-])\d{{1,4}}[A-Za-z]? (?:[A-Z][\w'’.-]{{0,20}} ){{1,4}}{_any(street_words.AFTER_NAME)}\b\.?"
)
# A capitalised name and a number are a street where the code and the place that follow leave no doubt.
_NAMELESS = re.compile(
    rf"(?<!\w)[{_CAPITAL}]{_LETTER}{{2,24}}(?: {_LETTER}{{2,20}}){{0,2}} \d{{1,4}}(?:/\d{{1,4}})?[a-zA-Z]?"
    rf"(?:, {{0,2}}{_OWN_CODE} {_CITY}|,? {{0,2}}\d{{3,5}} {_any(street_words.CITIES)})(?!\w)"
)
_NAME_BEFORE = re.compile(rf"(?:[{_CAPITAL}][\w.'’-]{{0,25}}[ -]){{0,3}}[\w'’.-]{{0,30}}\Z")
_NAME_CHARACTERS = 60


def _patterns() -> Iterator[LazyPattern]:
    """A street and its number, on whose line the address begins. Case counts where a word is common in prose."""
    for word in f"{street_words.BEFORE_NUMBER}|{street_words.SHORT_BEFORE_NUMBER}".split("|"):
        yield LazyPattern(rf"{_exactly(word)},? {{1,2}}(?:[NnČčRrº°.ops№]{{1,4}} ?){{0,2}}\d", _FLAGS)
    for word in street_words.BEFORE_NAME.split("|"):
        gap = "" if word[-1] in "./" else " "
        yield LazyPattern(rf"{_boundary(word)}{_exactly(word)}{gap}[^\n\d,;:(){{}}<>=]+,? [^\n\d]*\d", _FLAGS)
    for word in street_words.AFTER_NUMBER.split("|"):
        yield LazyPattern(rf"\d(?: ?[a-z]{{1,6}})?,? {_exactly(word)} [^\n\d,;:(){{}}<>=]", _FLAGS)
    for word in street_words.AFTER_NAME.split("|"):
        yield LazyPattern(rf"\d[A-Za-z]? [A-Z][^\n]* {word}\b", re.ASCII)
    yield LazyPattern(rf", {{0,2}}{_OWN_CODE} [^\n\x00-@\[-`{{-\x7f]", re.ASCII)
    for city in street_words.CITIES.split("|"):
        yield LazyPattern(rf"\d[A-Za-z]?,? {{0,2}}\d{{3,5}} {city}", re.ASCII)


def _exactly(word: str) -> str:
    return "".join(re.escape(c) if c.isascii() else f"[{''.join(sorted(_cases(c)))}]" for c in word)


def _cases(character: str) -> set[str]:
    """What `re` takes for the same letter: sigma and sharp s have three and two forms."""
    return {form for form in (character, character.lower(), character.upper(), *"ßẞςσΣ") if _is_same(form, character)}


def _is_same(one: str, other: str) -> bool:
    return bool(re.fullmatch(re.escape(one), other, re.IGNORECASE))


def _boundary(word: str) -> str:
    return r"\b" if word[0].isascii() else ""


class PostalAddressRecognizer(GuardRecognizer):
    ENTITY = "POSTAL_ADDRESS"
    PATTERNS = tuple(_patterns())
    REACH_CHARACTERS = 160

    def candidates(self, text: str) -> Iterator[Candidate]:
        for pattern in _NAME_THEN_NUMBER:
            for street in pattern.finditer(text):
                start = _beginning(text, street.start())
                if text[start].isupper():
                    yield from self._with_place(text, start, street.end())
        for pattern in _WORD_FIRST:
            for street in pattern.finditer(text):
                yield from self._with_place(text, street.start(), street.end())
        for street in _BRITISH_STREET.finditer(text):
            yield from self._with_place(text, street.start(), street.end())
        for address in _NAMELESS.finditer(text):
            yield address.start(), address.end(), 0.7

    @staticmethod
    def _with_place(text: str, start: int, end: int) -> Iterator[Candidate]:
        if place := _THEN_PLACE.match(text, end):
            yield start, place.end(), 0.85
        elif place := _PLACE_BEFORE.search(text, max(0, start - _PLACE_BEFORE_CHARACTERS), start):
            yield place.start(), end, 0.85

    def normalized(self, value: str) -> str:
        return " ".join(re.findall(r"\w+", value.casefold()))


def _beginning(text: str, position: int) -> int:
    """Where the name that leads up to `position` begins."""
    name = _NAME_BEFORE.search(text, max(0, position - _NAME_CHARACTERS), position)
    return name.start() if name else position
