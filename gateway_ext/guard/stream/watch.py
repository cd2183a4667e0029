"""Whether a stretch of text may hold a credential or a personal datum at all, told in one pass over new characters.

Prose and code are mostly words of letters, and no detector of these two classes finds a value in those alone: a value
has a digit, an @, the look of a key or a disguise, or a word before it announces it. Only then detectors are asked.
"""

from __future__ import annotations

import re

from detect_secrets.plugins import keyword

from gateway_ext.guard.stream.holding import Holding

_ANNOUNCED_CHARACTERS = 256  # behind the word that announces a value
_QUOTED_CHARACTERS = 160  # before a quote, in which such a word stands

_LETTERS = "A-Za-z\u00c0-\u0130\u0132-\u0148\u014a-\u017e\u0218-\u021b"
_OTHER_SCRIPTS = "\u0370-\u04ff\u05d0-\u05ea\u0621-\u064a\u0900-\u0963\u0e01-\u0e4e"
_EAST_ASIA = (
    "\u3001\u3002\u300a-\u300f\u3041-\u30ff\u4e00-\u9fff\uac00-\ud7a3\uff01\uff08\uff09\uff0c\uff1a\uff1b\uff1f"
)
_MARKS = (
    "\u00a0\u00a7\u00a9\u00ab\u00ae\u00b0\u00b7\u00ba\u00bb\u2013\u2014\u2018-\u201e\u2022\u2026\u202f\u2039\u203a\u20ac"
    "\u2190-\u2193\u2500-\u257f"
)
_NO_BREAK = "\u00a0\u1680\u2000-\u200a\u202f\u205f\u3000"
_KEYWORDS = "|".join(keyword.DENYLIST).replace("ñ", "[ñÑ]")

_VALUE = re.compile(
    r"[\d@]|<<|[Gg][Ww][Cc]"
    r"|[A-Fa-f]{9}|[A-Fa-f]{2}[:-][A-Fa-f]{2}[:-]|[A-Fa-f]{4}\.[A-Fa-f]{4}\."
    r"|[A-Z]{16}|(?=[a-z+/_-]*[A-Z])(?=[A-Z+/_-]*[a-z])[A-Za-z+/_-]{16}|[\"'][A-Za-z+/=_-]{23}"
    r"|(?:\b[A-Za-z][\W_]{1,3}){8}"
    rf"|[{_NO_BREAK}]\S{{1,12}}[{_NO_BREAK}]"
    r"|\w[#$%&*+^~§€£!?]+\w|[#$%&+^~§€£]\w|\w[#$%&+^~§€£]|\w[_.-]\w+[!?]"  # of letters and such marks are passwords
)
_ANNOUNCEMENT = re.compile(
    rf"{_KEYWORDS}|\bbasic\b|\s-[up]\b|--(?:[a-z]+-)?(?:user|password)|BEGIN\b|PRIVATE|PuTTY|:_auth|data[\"']?:"
    # A disguise may hide the announcing word.
    rf"|[^\x00-\x7f{_LETTERS}{_OTHER_SCRIPTS}{_EAST_ASIA}{_MARKS}]|[A-Za-z][{_OTHER_SCRIPTS}]|[{_OTHER_SCRIPTS}][A-Za-z]"
    r"|%[0-9A-F]{2}|[\\%][xu][0-9A-F]|\\u\{|\\[0-3][0-7]|=[0-9A-F]{2}|&(?:#|[A-Z]{2,24};)|U\+[0-9A-F]",
    re.IGNORECASE,
)
_BEFORE_QUOTE = re.compile(
    rf"(?:{_KEYWORDS})\w*\S{{0,64}}(?:\s{{0,16}}[!=:>]{{1,3}})?\s{{0,16}}[\"'`]\Z", re.IGNORECASE
)
_DISGUISED = re.compile(r"[^\x00-\x7f]|%[0-9A-Fa-f]{2}|[\\%][xuU]|\\[0-3][0-7]|&[#A-Za-z]|=[0-9A-F]{2}|U\+")


class Watch:
    """Asked about one text from left to right. Positions are counted from its beginning."""

    def __init__(self, holding: Holding) -> None:
        self._phrases = holding.phrases
        self._is_blind = holding.phrase_characters > 0
        self._announced = 0  # up to here the latest announcing word reaches
        self._read = 0

    def may_hold(self, text: str, origin: int, position: int) -> bool:
        """Whether a value may begin at or behind `position` in `text`, which is remembered from `origin` on."""
        if self._is_blind:
            return True
        for match in _ANNOUNCEMENT.finditer(text, max(position, self._read) - origin):
            self._announced = match.end() + origin + _ANNOUNCED_CHARACTERS
        self._read = max(position, origin + len(text) - 32)  # one that is not finished is read again
        return (
            position < self._announced
            or _VALUE.search(text, max(0, position - origin - 1)) is not None
            or any(one.starts(text, position - origin, len(text)) for one in self._phrases)
        )


def may_announce(before: str) -> bool:
    """Whether something in `before`, which ends in an opening quote, may announce a value of several words."""
    near = before[-_QUOTED_CHARACTERS:]
    return _BEFORE_QUOTE.search(near) is not None or _DISGUISED.search(near) is not None
