"""Confirms the families of the tables: the form, a keyword nearby, randomness, a checksum."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import groupby

from gateway_ext.guard.catalog import SECRET
from gateway_ext.guard.detector import Detector, Span
from gateway_ext.guard.lazy_pattern import LazyPattern
from gateway_ext.guard.secrets.families import FAMILIES
from gateway_ext.guard.secrets.family import Family
from gateway_ext.guard.secrets.placeholders import classes, entropy_bits, is_made_up

_NEAR = 80  # characters before a token in which its keyword stands, perhaps on the line above
_WORDS_BETWEEN = r"[^ \t\r\n]*(?:[ \t\r\n]+[^ \t\r\n]*){0,8}"
_OVERHANG = 4096  # longest token that begins in a passage

_UPPER_BOUND = re.compile(r"\{(\d\d+),\d+\}")  # costs the prefilter states and tells it nothing
# Within JSON inside a string a line end is `\n`, whose letter is no part of the token.
_LEFT = r"(?:(?<![A-Za-z0-9])|(?<=\\[nrt]))"
_LEFT_OF_ANY = r"(?:(?<![A-Za-z0-9_+/-])|(?<=\\[nrt]))"
_HEX = re.compile("[0-9a-f-]+")
# What a credential is called, in the languages whose word for "key" is not the English one.
_NOUN = re.compile(
    r"key|token|secret|pass|pwd|auth|cred|dsn|api|bearer|signature|akia|asia|akid|ltai|[&?]"
    r"|cl[eéÉ]|schl[uüÜ]ss|clav|chiav|chave|klucz|kl[ií][čc]|sleutel|nyckel|n[øØ]gle|n[øØ]kkel|avai|κλειδ|ключ|kulcs|v[õÕ]ti|cheie",
    re.ASCII | re.IGNORECASE,
)


class FamilyDetector(Detector):
    """The rows of one name. Rows with a keyword are hit on where it is followed by what they look for."""

    version = "1"
    data_class = SECRET

    def __init__(self, name: str, rows: tuple[Family, ...]) -> None:
        self.name = name
        self.reads_compact = all(row.is_fixed for row in rows)
        self.patterns = tuple(_prefilter(row) for row in rows)
        self._rows = tuple(_Row(row, self.reads_compact) for row in rows)

    def confirm(self, text: str, start: int, end: int) -> Iterator[Span]:
        limit = end if text.startswith("\n", end) else min(len(text), end + _OVERHANG)
        for row in self._rows:
            yield from row.spans(text, start, end, limit)


class _Row:
    def __init__(self, family: Family, is_compact: bool) -> None:
        left, right = (_LEFT_OF_ANY, r"(?![A-Za-z0-9_+/=-])") if family.keyword else (_LEFT, "(?![A-Za-z0-9])")
        source = family.pattern if is_compact else f"{left}(?:{family.pattern}){right}"
        self._family = family
        self._token = re.compile(source, re.ASCII)
        self._secret = "secret" if "secret" in self._token.groupindex else 0
        self._body = "body" if "body" in self._token.groupindex else self._secret
        self._keyword = re.compile(rf"(?i:{family.keyword}){_WORDS_BETWEEN}\Z", re.ASCII) if family.keyword else None
        self._may_be_hex = "0-9a-f" in family.pattern

    def spans(self, text: str, start: int, end: int, limit: int) -> Iterator[Span]:
        for match in self._token.finditer(text, start, limit):
            if match.start() >= end:
                return
            if self._is_random(match[self._body]) and self._is_in_context(text, match.start()):
                value = match[self._secret]
                yield Span(*match.span(self._secret), self._confidence(value), value)

    def _is_in_context(self, text: str, position: int) -> bool:
        if self._keyword is None:
            return True
        before = text[max(0, position - _NEAR) : position]
        return bool(self._keyword.search(before) and _NOUN.search(before))

    def _is_random(self, body: str) -> bool:
        if entropy_bits(body) < self._family.entropy_min_bits:
            return False
        if self._family.may_be_example:
            return True
        if is_made_up(body):
            return False
        # Without a prefix, hashes and words of the same length have to be told from tokens.
        return self._keyword is None or classes(body) == 3 or (self._may_be_hex and _HEX.fullmatch(body) is not None)

    def _confidence(self, value: str) -> float:
        if self._keyword is not None:
            return 0.7
        checksum = self._family.checksum
        return 0.95 if checksum is None else 0.99 if checksum(value) else 0.6


def _prefilter(family: Family) -> LazyPattern:
    pattern = _UPPER_BOUND.sub(r"{\1,}", family.pattern)
    return LazyPattern(rf"(?i:{family.keyword}){_WORDS_BETWEEN}(?:{pattern})" if family.keyword else pattern, re.ASCII)


def family_detectors() -> list[Detector]:
    ordered = sorted(FAMILIES, key=lambda family: family.name)
    return [FamilyDetector(name, tuple(rows)) for name, rows in groupby(ordered, key=lambda family: family.name)]
