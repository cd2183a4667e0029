"""Finds many phrases in a text at once: Aho-Corasick (Aho, Corasick 1975) for one word of each, then the words around it.

Case and diacritics do not matter unless asked for; words may be joined by spaces, hyphens or line breaks; and a word
of five letters or more may carry an ending of up to three (-s, -es, -en, -a, -ów). Words begin and end where letters
and digits do, so phrases in scripts that write without spaces are found only where punctuation sets them off.
"""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from ahocorasick_rs import BytesAhoCorasick

from gateway_ext.guard.confidential.fold import folded, letters
from gateway_ext.guard.detector import TooManyCandidates
from gateway_ext.limits import GUARD_CANDIDATES_MAX

ENDING_LETTERS_MAX = 3
INFLECTED_LETTERS_MIN = 5
GAP_CHARACTERS_MAX = 16  # between two words: a line break and the indentation after it

_ENDING = rb"[a-z\x80-\xff]{0,%d}" % ENDING_LETTERS_MAX
_GAP = rb" {1,%d}" % GAP_CHARACTERS_MAX
# A letter that takes two where a keyboard or a country lacks it. Readings are one byte a letter, so both are searched.
_SPELLINGS = (("ß", "ss"), ("œ", "oe"), ("æ", "ae"))
_SHARED = 8  # so few phrases may share the word that they are searched by before a shorter word is preferred


@dataclass(frozen=True, slots=True)
class Phrase:
    """`words` as written if `is_case_sensitive`, else folded. `punctuation` is what else stands between them."""

    words: tuple[str, ...]
    punctuation: frozenset[str] = frozenset()
    is_case_sensitive: bool = False
    is_inflected: bool = True


@dataclass(frozen=True, slots=True)
class PhraseMatch:
    """Phrase number `phrase` at `[start, end)` (code points) of text number `text`."""

    text: int
    start: int
    end: int
    phrase: int


def phrase(text: str, *, is_case_sensitive: bool = False, is_inflected: bool = True) -> Phrase:
    """The phrase that `text` writes. Raises ValueError when it has no letter or digit."""
    text = unicodedata.normalize("NFC", text)
    reading = letters(text)
    words = tuple(text[match.start() : match.end()] for match in re.finditer(r"[^ ]+", reading))
    if not words:
        raise ValueError("a phrase needs a letter or a digit")
    punctuation = {character for character, letter in zip(text, reading, strict=True) if letter == " "}
    return Phrase(
        words if is_case_sensitive else tuple(map(letters, words)),
        frozenset(character for character in punctuation if not character.isspace()),
        is_case_sensitive,
        is_inflected,
    )


class PhraseIndex:
    """Immutable. Built in about 10 µs a phrase."""

    def __init__(self, phrases: Sequence[Phrase]) -> None:
        spelled = [(index, words) for index, each in enumerate(phrases) for words in _spellings(each)]
        frequency = Counter(word for _, words in spelled for word in set(words))
        found_by: defaultdict[bytes, list[_Search]] = defaultdict(list)
        for index, words in spelled:
            # By the word that the fewest others share, so that a thousand names of one form are not all tried.
            rarest = min(words, key=lambda word: (frequency[word] // _SHARED, -len(word)))
            at = words.index(rarest)
            search = _Search(index, phrases[index], words, _reach(words[:at]), _reach(words[at:]))
            found_by[_anchor(rarest, is_inflected=phrases[index].is_inflected)].append(search)
        self._searches = tuple(found_by.values())
        self._automaton = BytesAhoCorasick(list(found_by)) if found_by else None

    def matches(self, texts: Sequence[str]) -> list[PhraseMatch]:
        """All matches in order of place, without doubles. Raises TooManyCandidates."""
        if self._automaton is None or not texts:
            return []
        joined = "\n".join(("", *texts, ""))
        reading = folded(joined)
        hits = self._automaton.find_matches_as_indexes(reading, overlapping=True)
        if not hits:
            return []
        if len(hits) > GUARD_CANDIDATES_MAX:
            raise TooManyCandidates
        starts = [1]
        for text in texts:
            starts.append(starts[-1] + len(text) + 1)
        return sorted(set(self._verified(joined, reading, hits, starts)), key=lambda m: (m.text, m.start, m.end))

    def _verified(
        self, joined: str, reading: bytes, hits: Sequence[tuple[int, int, int]], starts: Sequence[int]
    ) -> Iterator[PhraseMatch]:
        tried = 0
        for anchor, position, _ in hits:
            tried += len(self._searches[anchor])
            if tried > GUARD_CANDIDATES_MAX:
                raise TooManyCandidates
            text = bisect_right(starts, position + 1) - 1
            first, last = starts[text], starts[text + 1] - 1
            for search in self._searches[anchor]:
                for start, end in search.spans(joined, reading, position + 1, first, last):
                    yield PhraseMatch(text, start - first, end - first, search.phrase_index)


@dataclass(frozen=True, slots=True)
class _Search:
    """One spelling of a phrase, and how far it can reach before its anchor and from there on."""

    phrase_index: int
    phrase: Phrase
    words: tuple[str, ...]
    before_max: int
    after_max: int

    def spans(self, joined: str, reading: bytes, position: int, first: int, last: int) -> Iterator[tuple[int, int]]:
        """Where the phrase stands around its anchor at `position`, within `[first, last)`."""
        low, high = max(first, position - self.before_max), min(last, position + self.after_max)
        for match in _regex(self.words, self.phrase.is_inflected).finditer(reading, low, high):
            if match.start() <= position < match.end() and self._is_written(joined[match.start() : match.end()]):
                yield match.span()

    def _is_written(self, found: str) -> bool:
        """Whether `found` is the phrase in the letters, and joined by the marks, that the reading does not tell."""
        is_exact = found.isascii() and not self.phrase.is_case_sensitive
        if is_exact and len(self.words) == 1:
            return True
        reading = letters(found)
        joints = {character for character, letter in zip(found, reading, strict=True) if letter == " "}
        if not all(_joins(character) or character in self.phrase.punctuation for character in joints):
            return False
        if is_exact:
            return True
        written = found if self.phrase.is_case_sensitive else reading
        found_words = [written[match.start() : match.end()] for match in re.finditer(r"[^ ]+", reading)]
        return all(read.startswith(word) for read, word in zip(found_words, self.words, strict=True))


def _anchor(word: str, *, is_inflected: bool) -> bytes:
    """What the automaton looks for: a word with the space before it, and that behind it where no ending may be."""
    return b" " + folded(word) + (b"" if is_inflected and _is_inflectable(word) else b" ")


def _reach(words: Sequence[str]) -> int:
    """Characters that words take at most, each with its ending and a gap."""
    return sum(len(word) + ENDING_LETTERS_MAX + GAP_CHARACTERS_MAX for word in words)


def _joins(character: str) -> bool:
    return character.isspace() or character == "_" or unicodedata.category(character) == "Pd"


def _is_inflectable(word: str) -> bool:
    return len(word) >= INFLECTED_LETTERS_MIN and word.isalpha()


def expressions(each: Phrase) -> list[bytes]:
    """What the phrase is in a folded reading, in each of its spellings. Ask for a space before and behind."""
    return [_expression(words, is_inflected=each.is_inflected) for words in sorted(_spellings(each))]


def _expression(words: Sequence[str], *, is_inflected: bool) -> bytes:
    parts = (re.escape(folded(word)) + (_ENDING if is_inflected and _is_inflectable(word) else b"") for word in words)
    return _GAP.join(parts)


@lru_cache(maxsize=4096)
def _regex(words: tuple[str, ...], is_inflected: bool) -> re.Pattern[bytes]:
    return re.compile(rb"(?<![^ ])" + _expression(words, is_inflected=is_inflected) + rb"(?![^ ])")


def _spellings(each: Phrase) -> set[tuple[str, ...]]:
    spellings = {each.words}
    for letter, two in _SPELLINGS:
        spellings |= {tuple(word.replace(letter, two) for word in words) for words in spellings}
        spellings |= {tuple(word.replace(two, letter) for word in words) for words in spellings}
    return spellings
