"""Words that announce a value: "Tel.", "né le", "Führerschein" …

A number that proves nothing by itself is taken for one of its kind if such a word stands before it on its line. Words
are written in their own spelling; case and diacritics do not matter, `_` and `-` count as spaces.
"""

from __future__ import annotations

import re
import unicodedata
from functools import cache

from gateway_ext.guard.lazy_pattern import LazyPattern

REACH_CHARACTERS = 60  # a word further away announces something else
_INSIDE_LETTERS_MIN = 6  # words this long count within others, too: Diensttelefon, Kinderreisepass

# Letters that have no decomposition, as they are written without them. Case is folded before.
_PLAIN = str.maketrans({"ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "æ": "ae", "œ": "oe"})
_NOT_LETTERS = re.compile(r"[\W\d_]+")
_ANNOUNCED_ALREADY = re.compile(r"\d{3}|\n", re.ASCII)


class ContextWords:
    """The words of one kind, in any number of languages, separated by `|`, with white space around it.

    Each may be the beginning of a longer word (Telefonnummer); those of six letters or more may stand inside one. One
    with a full stop is a whole word, an abbreviation or not: `tel.` is found in "Tel: 1", not in "tell 1".
    """

    def __init__(self, words: str) -> None:
        every = dict.fromkeys(word for part in words.split("|") if (word := part.strip()))
        self._words = tuple((_searched(word), word) for word in every)
        self._announcing = tuple((_beginning(word), spelled(word)) for word in every)

    def before(self, text: str, position: int, reach: int = REACH_CHARACTERS) -> bool:
        """Whether one of the words stands at most `reach` characters before `position`, on its line.

        No number of three or more digits may stand between them, because then it is that one which is announced.
        """
        low = max(0, position - reach)
        for number in _ANNOUNCED_ALREADY.finditer(text, low, position):
            low = number.end()
        # The character in front tells whether a word begins here.
        nearby = f"{folded(text[low - 1 : position] if low else ' ' + text[:position])} "
        # The exact spelling is looked at only where the folded one is there: that is what makes many words cheap.
        return any(plain in nearby and _exact(word).search(text, low, position) for plain, word in self._words)

    def announcing(self, value: str) -> tuple[LazyPattern, ...]:
        """What the prefilter looks for: one of the words and, later on its line, `value`.

        One pattern a word: Hyperscan finds any number of literals at once, but pays for every alternation of them.
        """
        return tuple(
            LazyPattern(rf"{first}{word}[^\n]*{value}", re.ASCII | re.IGNORECASE) for first, word in self._announcing
        )

    def near(self, value: str) -> tuple[LazyPattern, ...]:
        """What the prefilter looks for where words may also stand behind: one of them and `value` on one line.

        They leave how far words reach to the confirmation: counting is dear in an automaton, and words are rare.
        """
        return tuple(
            LazyPattern(
                rf"(?P<trigger>{first}{word})[^\n]*{value}|{value}[^\n]*{'[^A-Za-z]' if first else ''}{word}",
                re.ASCII | re.IGNORECASE,
            )
            for first, word in self._announcing
        )


@cache
def _exact(word: str) -> re.Pattern[str]:
    """Compiled when it is first needed: there are a thousand words, and texts hold few of them."""
    return re.compile(spelled(word), re.ASCII | re.IGNORECASE)


def folded(text: str) -> str:
    """`text` in lower case and without diacritics, every run of other characters one space."""
    plain = text.casefold()
    if not plain.isascii():
        decomposed = unicodedata.normalize("NFD", plain.translate(_PLAIN))
        plain = "".join(character for character in decomposed if not unicodedata.combining(character))
    return _NOT_LETTERS.sub(" ", plain)


def spelled(words: str) -> str:
    """A pattern for `words` in any case, with or without diacritics, under ASCII and IGNORECASE."""
    parts = words.removesuffix(".").split(" ")
    pattern = "[^A-Za-z\\n]+".join("".join(map(_either, part)) for part in parts)
    return f"{pattern}[^A-Za-z\\n]" if words.endswith(".") else pattern


def _searched(word: str) -> str:
    return folded(word) if _may_stand_inside(word) else " " + folded(word)


def _beginning(word: str) -> str:
    return "" if _may_stand_inside(word) else "(?:^|[^A-Za-z])"


def _may_stand_inside(word: str) -> bool:
    return len(folded(word)) >= _INSIDE_LETTERS_MIN


def _either(character: str) -> str:
    """A character in both cases and without its diacritics; the case of ASCII letters is left to the flags."""
    if character.isascii():
        return re.escape(character)
    cases = {character, character.upper(), character.casefold()} | ({"ς"} if character == "σ" else set())
    spellings = {spelling for case in cases for spelling in (case, folded(case), folded(case).upper())}
    if all(len(spelling) == 1 for spelling in spellings):
        return f"[{''.join(sorted(spellings))}]"
    return f"(?:{'|'.join(sorted(spellings))})"
