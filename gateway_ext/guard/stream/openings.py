"""Values of several words, where the end of a word does not tell that the value has ended: keys in armor, dates, names."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

from gateway_ext.guard.personal.dates import dates

ENDS_CHARACTERS_MAX = 128
BLOCK_CHARACTERS_MAX = 32 * 1024  # as much of a private key as its detector reads
_MANIFEST_CHARACTERS = 8192
_CONNECTION_CHARACTERS = 560
_DATE_CHARACTERS = 40

_SPACE = "[ \\xa0]"
_FOREIGN = "[^\\x00-\\x7f]"  # letters that look like those of the label
_LABEL = "[A-Z0-9 \\x80-\\U0010ffff]"
_WORD = re.compile(r"[^\W_]+")
_NUMBER = re.compile(r"\d{1,2}(?:st|nd|rd|th|er|[ºª°]|η)?|(?:1[89]|20)\d\d", re.ASCII)


@dataclass(frozen=True, slots=True)
class Opening:
    """What begins where `begins` matches is held for `characters`, or until `ends` is found behind its beginning.

    `begins` must match within two words and the gap behind them, `ends` within ENDS_CHARACTERS_MAX.
    """

    begins: re.Pattern[str]
    characters: int
    ends: re.Pattern[str] | None = None

    def starts(self, text: str, start: int, end: int) -> list[tuple[int, int]]:
        """Each beginning in the words `text[start:end]`: where, and how many characters are held from there."""
        if self.begins.search(text, start, end) is None:
            return []
        return [(match.start(), self.characters) for match in self.begins.finditer(text, start, end)]


@dataclass(frozen=True, slots=True)
class Phrases:
    """`characters(word)`: the longest value that may begin with this word, given as it is written; 0 if none.

    `begins`: a sign that each such word has, where one is quickly seen.
    """

    characters: Callable[[str], int]
    ends: re.Pattern[str] | None = None
    begins: re.Pattern[str] | None = None

    def starts(self, text: str, start: int, end: int) -> list[tuple[int, int]]:
        if self.begins is not None and self.begins.search(text, start, end) is None:
            return []
        return [
            (match.start(), characters)
            for match in _WORD.finditer(text, start, end)
            if (characters := self.characters(match[0]))
        ]


@lru_cache(maxsize=4096)
def _month(word: str) -> int:
    is_month = len(word) >= 3 and any(True for _ in dates(f"1 {word} 2000"))
    return _DATE_CHARACTERS if is_month else 0


def _day_or_year(word: str) -> int:
    return _DATE_CHARACTERS if _NUMBER.fullmatch(word) else 0


PRIVATE_KEY = Opening(
    re.compile(r"-{0,5}BEGIN\s|PuTTY-User-Key-File-"),
    BLOCK_CHARACTERS_MAX,
    re.compile(
        rf"END{_SPACE}(?:{_LABEL}*PRIVATE{_SPACE}KEY(?:{_SPACE}BLOCK)?|{_LABEL}*{_FOREIGN}{_LABEL}*)-----"
        r"|Private-MAC: *[0-9a-f]{1,64}[^0-9a-f]"
        # or it is the beginning of something else, such as a certificate or a transaction
        rf"|BEGIN\s[A-Z0-9 \xa0]{{0,40}}+(?<!PRIVATE{_SPACE}KEY)(?<!PRIVATE{_SPACE}KEY{_SPACE}BLOCK)[\x00-\x7f]"
    ),
)
KUBERNETES_SECRET = Opening(  # the line that says what the manifest is may stand behind its data
    re.compile(r"(?:data|stringData)[\"']?:[ \t]*\{?[ \t]*\r?\n"),
    _MANIFEST_CHARACTERS,
    re.compile(r"\n(?:---|```)|kind[\"']?:[ \t]*[\"']?\w+(?=\W)"),
)
CONNECTION = Opening(  # the other parameters of the connection may stand behind its password
    re.compile(r"(?:password|pwd)[ \t]{0,4}=", re.IGNORECASE), _CONNECTION_CHARACTERS, re.compile(r"\n")
)
DAY_FIRST = Phrases(_day_or_year, re.compile(r"\n"), re.compile("[0-9]"))  # 24 de septiembre de 1985
MONTH_FIRST = Phrases(_month, re.compile(r"\n|[^\W\d]\.?\s+(?=[^\d\s])"))  # September 24, 1985
