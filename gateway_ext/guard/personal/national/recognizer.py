"""Recognises any national identifier by its row in a table: form, check digits, and the words around it."""

from __future__ import annotations

import re
from collections.abc import Iterator

from gateway_ext.guard.lazy_pattern import LazyPattern
from gateway_ext.guard.personal.context import ContextWords
from gateway_ext.guard.personal.national.identifier import NationalIdentifier
from gateway_ext.guard.personal.recognizer import Candidate, GuardRecognizer

_AFTER_CHARACTERS = 40

# A word may touch the digits (PESEL44051401359), digits may not continue on either side.
_LEFT = r"(?<!\d)(?<!\d[./:-])(?<![A-Za-z](?=[A-Za-z]))"
_RIGHT = r"(?![A-Za-z0-9])(?![./:-]\d)"
# Without a word the number must also not be a group of a longer one, or of a phone, card or account number.
_ALONE_LEFT = r"(?<![\w+])(?<!\d[ ./:-])"
_ALONE_RIGHT = r"(?!\w)(?![ ./:-]\d)"

_SENTENCE_ENDS = re.compile(r"[.!?]\s")  # what follows is about something else
_LISTED = re.compile(r"\s{0,2}(?:[,;/|&+]|and|und|et|y|e|i|en|og|och|oraz|și|и|και|ja|ir|in|és)?\s{0,2}")


class NationalRecognizer(GuardRecognizer):
    def __init__(self, identifier: NationalIdentifier) -> None:
        self.ENTITY = identifier.name.upper()
        self.READS_COMPACT = identifier.reads_compact
        self.PATTERNS = tuple(_patterns(identifier))
        self.identifier = identifier
        self._words = ContextWords(identifier.words)
        self._shape = re.compile(f"{_LEFT}(?:{identifier.shape}){_RIGHT}", re.ASCII | re.IGNORECASE)
        self._alone = re.compile(f"{_ALONE_LEFT}(?:{identifier.alone or '(?!)'}){_ALONE_RIGHT}", re.ASCII)
        self._without_gaps = str.maketrans("", "", identifier.gaps)

    def candidates(self, text: str) -> Iterator[Candidate]:
        position = 0
        named_end = -1  # of the latest number that a word speaks for
        while match := self._shape.search(text, position):
            start, end = match.span()
            position = start + 1
            if not self.identifier.is_valid(self.normalized(match[0])):
                continue
            if self._is_listed(text, named_end, start) or self._is_named(text, start, end):
                position = named_end = end
                yield start, end, self.identifier.confidence
            elif self._stands_alone(text, start, end):
                position = end
                yield start, end, self.identifier.confidence

    def normalized(self, value: str) -> str:
        return value.translate(self._without_gaps).upper()

    def _is_named(self, text: str, start: int, end: int) -> bool:
        """Whether one of the words stands before the value, or behind it and not before another number."""
        words = self._words
        if _SENTENCE_ENDS.match(text, end):
            return words.before(text, start)
        behind = min(len(text), end + _AFTER_CHARACTERS)
        return words.before(text, start) or words.before(text, behind, behind - end)

    def _is_listed(self, text: str, named_end: int, start: int) -> bool:
        return named_end >= 0 and bool(_LISTED.fullmatch(text, named_end, start))

    def _stands_alone(self, text: str, start: int, end: int) -> bool:
        match = self._alone.match(text, start)
        return bool(match and match.end() == end and self.identifier.is_sure(self.normalized(match[0])))


def _patterns(identifier: NationalIdentifier) -> Iterator[LazyPattern]:
    yield from ContextWords(identifier.words).near(identifier.hint)
    if identifier.alone:
        yield LazyPattern(identifier.alone_hint or rf"\b(?:{identifier.alone})\b", re.ASCII)
