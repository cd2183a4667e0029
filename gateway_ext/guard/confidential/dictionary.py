"""Dictionaries of the operator: code names, customers, products, whatever must not leave under its name."""

from __future__ import annotations

import unicodedata
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

from gateway_ext.guard.catalog import CONFIDENTIAL
from gateway_ext.guard.confidential.fold import letters
from gateway_ext.guard.confidential.names import dictionary_kind
from gateway_ext.guard.confidential.phrases import PhraseIndex, PhraseMatch, phrase
from gateway_ext.guard.detector import Classifier, Kind, Span

TERM_CHARACTERS_MIN = 2  # letters and digits: one alone stands everywhere
TERM_CHARACTERS_MAX = 200
TERM_WORDS_MAX = 12
TERMS_MAX = 100_000  # of one dictionary


class DictionaryError(ValueError):
    """A dictionary cannot be used. Says the line and the fix, never the term: terms are confidential."""

    def __init__(self, line: int, problem: str) -> None:
        super().__init__(f"line {line}: {problem}")
        self.line = line
        self.problem = problem


@dataclass(frozen=True, slots=True)
class Term:
    """One line of a dictionary: `text` in NFC with single spaces."""

    line: int
    text: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Dictionary:
    """`name` matches names.DICTIONARY_NAME. Texts with fewer than `terms_min` distinct terms are not findings."""

    name: str
    terms: tuple[Term, ...]
    is_case_sensitive: bool = False
    is_inflected: bool = True
    terms_min: int = 1


def read_terms(text: str) -> tuple[Term, ...]:
    """The terms of a dictionary file: one a line; empty lines and lines that begin with # are left out.

    Decode the file as UTF-8 with `errors="replace"`: what could not be decoded is then refused with its line.
    Raises DictionaryError, a ValueError, for the first line that cannot be used.
    """
    terms: list[Term] = []
    lines: dict[str, int] = {}
    for number, raw in enumerate(text.removeprefix("\ufeff").splitlines(), 1):
        term = unicodedata.normalize("NFC", " ".join(raw.split()))
        if not term or term.startswith("#"):
            continue
        _check(number, term)
        if term in lines:
            raise DictionaryError(number, f"the same term as in line {lines[term]}; remove one of the two")
        if len(terms) == TERMS_MAX:
            raise DictionaryError(number, f"more than {TERMS_MAX} terms; split the dictionary in two")
        lines[term] = number
        terms.append(Term(number, term))
    if not terms:
        raise DictionaryError(1, "there is no term; write one a line, or remove the dictionary from the policy")
    return tuple(terms)


def _check(line: int, term: str) -> None:
    if "\N{REPLACEMENT CHARACTER}" in term or any(unicodedata.category(character) == "Cc" for character in term):
        raise DictionaryError(line, "not UTF-8 text; save the file as UTF-8 without control characters")
    characters, words = sum(map(str.isalnum, term)), len(letters(term).split())
    if characters < TERM_CHARACTERS_MIN:
        raise DictionaryError(
            line, f"fewer than {TERM_CHARACTERS_MIN} letters or digits; write a longer term, or remove it"
        )
    if len(term) > TERM_CHARACTERS_MAX or words > TERM_WORDS_MAX:
        raise DictionaryError(
            line,
            f"more than {TERM_CHARACTERS_MAX} characters or {TERM_WORDS_MAX} words; "
            "write what is distinctive of it, or register the text as a document",
        )


class DictionaryClassifier(Classifier):
    """All dictionaries of a policy in one pass. One kind for each, named `dictionary_<name>`, in their order."""

    def __init__(self, dictionaries: Sequence[Dictionary]) -> None:
        self.kinds = tuple(Kind(dictionary_kind(each.name), "1", CONFIDENTIAL) for each in dictionaries)
        self._dictionaries = tuple(dictionaries)
        self._owner = [number for number, each in enumerate(dictionaries) for _ in each.terms]
        self._phrases = [
            phrase(term.text, is_case_sensitive=each.is_case_sensitive, is_inflected=each.is_inflected)
            for each in dictionaries
            for term in each.terms
        ]
        self._index = PhraseIndex(self._phrases)

    def spans(self, texts: Sequence[str]) -> list[list[tuple[int, Span]]]:
        found: list[list[tuple[int, Span]]] = [[] for _ in texts]
        groups: defaultdict[tuple[int, int], list[PhraseMatch]] = defaultdict(list)
        for match in self._index.matches(texts):
            groups[match.text, self._owner[match.phrase]].append(match)
        for (text, owner), matches in groups.items():
            if len({match.phrase for match in matches}) >= self._dictionaries[owner].terms_min:
                found[text].extend((owner, self._span(match)) for match in matches)
        return found

    def _span(self, match: PhraseMatch) -> Span:
        return Span(match.start, match.end, 0.95, " ".join(self._phrases[match.phrase].words))
