"""Phone numbers of the EU, the EEA, the United Kingdom and Switzerland, and of the world in international form.

Numbers are judged by Google's libphonenumber. Because almost any run of digits is a valid number somewhere, a number
in national form counts only if a word such as "Tel." stands before it, or if it is printed in groups behind a trunk 0.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import phonenumbers
from phonenumbers import NumberParseException, PhoneMetadata

from gateway_ext.guard.personal.recognizer import Candidate, GuardRecognizer

_EU = ("AT BE BG CY CZ DE DK EE ES FI FR GR HR HU", "IE IT LT LU LV MT NL PL PT RO SE SI SK")
REGIONS = tuple(" ".join((*_EU, "IS LI NO", "GB CH")).split())

# What announces a number; each may be the beginning of a longer word: Telefonnummer, mobilen, téléphones.
_WORDS = (
    "tel|tél|τηλ|тел|phone|fon|mobil|móvil|handy|portable|cell|gsm|sms|fax|whatsapp|rufn|anruf|ruf mich|erreich"
    "|call me|call us|call at|call on|appel|joindre|joignable|puh|matkap|komór|numéro de tél|número de tel"
)
_BETWEEN = r"[^\n\d]{0,30}"
_GAP = r"(?:[ ./-]|\)[ /-]{0,3}| ?\()?"
_RUN = re.compile(
    r"(?:(?<![\w+])\+\(?\d|(?<![\w.,#+/-])(?<!\d )\(?\+?\d)"
    rf"(?:{_GAP}\d){{5,24}}+(?![\w%€$]|[.,:]\d|@)"
)
_GROUP = re.compile(r"[0-9]+")
_WORD_BEFORE = re.compile(rf"(?<!\w)(?:{_WORDS}){_BETWEEN}\Z", re.IGNORECASE)
_WORD_CHARACTERS = 48
_DATE = re.compile(r"\d{1,2}[./ -]\d{1,2}[./ -](?:19|20)\d{2}\b|\d{4}-\d{2}-\d{2}", re.ASCII)
_TRUNK_GROUPED = re.compile(r"\(?0[1-9]\d{0,4}\)?[ ./-]{1,2}\(?\d")
_PAIRS = re.compile(r"0[1-9](?:[ .-]\d\d){4}(?!\d)", re.ASCII)  # French; what follows in pairs is the next number
_TRUNK_DIGITS_MIN = 9  # eight digits behind a 0 are a date
_DIGITS_MIN = 7
_DIGITS_MAX = 15  # ITU-T E.164


def _either_case(words: str) -> str:
    """`words` for the prefilter, which ignores the case of ASCII letters only."""
    return "".join(c if c.isascii() else f"[{c}{c.upper()}]" for c in words)


class EuropeanPhoneRecognizer(GuardRecognizer):
    ENTITY = "PHONE_NUMBER"
    PATTERNS = (
        re.compile(rf"\+\(?\d(?:{_GAP}\d){{6}}", re.ASCII),
        re.compile(rf"\b00[1-9](?:{_GAP}\d){{6}}", re.ASCII),
        re.compile(rf"\b0[1-9]\d{{0,4}}\)?[ ./-]{{1,2}}\(?\d(?:{_GAP}\d){{3}}", re.ASCII),
        re.compile(rf"(?:{_either_case(_WORDS)}){_BETWEEN}\d(?:{_GAP}\d){{5}}", re.ASCII | re.IGNORECASE),
    )

    def __init__(self) -> None:
        super().__init__()
        self._regions = [(region, *_national_form(region)) for region in REGIONS]

    def candidates(self, text: str) -> Iterator[Candidate]:
        for run in _RUN.finditer(text):
            groups = [(run.start() + group.start(), run.start() + group.end()) for group in _GROUP.finditer(run[0])]
            first = 0
            while first < len(groups):
                start = run.start() if first == 0 else groups[first][0]
                found = self._longest(text, start, groups[first:])
                if found is None:
                    break  # digits in the middle of something else are not a number
                size, confidence = found
                end = groups[first + size - 1][1]
                is_in_brackets = text[start] == "(" and ")" not in text[start:end]
                yield start + is_in_brackets, end, confidence
                first += size

    def _longest(self, text: str, start: int, groups: list[tuple[int, int]]) -> tuple[int, float] | None:
        """How many groups from `start` on make up a number; the most that do."""
        if _PAIRS.match(text, start):
            groups = groups[:5]
        has_word = bool(_WORD_BEFORE.search(text, max(0, start - _WORD_CHARACTERS), start))
        for size in range(len(groups), 0, -1):
            digits = "".join(text[low:high] for low, high in groups[:size])
            if _DIGITS_MIN <= len(digits) <= _DIGITS_MAX + 2:
                confidence = self._confidence(text[start : groups[size - 1][1]], digits, has_word)
                if confidence:
                    return size, confidence
        return None

    def _confidence(self, printed: str, digits: str, has_word: bool) -> float:
        """How sure `printed` is a number; 0 if it is not."""
        if "+" in printed[:3]:
            return 0.95 if _is_international(printed) else 0.0
        if digits.startswith("00"):
            return 0.9 if _is_international("+" + digits[2:]) else 0.0
        if _DATE.match(printed):
            return 0.0
        if has_word:
            return 0.85 if self._is_national(digits) else 0.0
        is_grouped = len(digits) >= _TRUNK_DIGITS_MIN and bool(_TRUNK_GROUPED.match(printed))
        is_like_order_number = printed.count("-") > 1
        return 0.6 if is_grouped and not is_like_order_number and self._is_national(digits) else 0.0

    def _is_national(self, digits: str) -> bool:
        for region, trunk, pattern in self._regions:
            if pattern.fullmatch(digits) or (digits.startswith(trunk) and pattern.fullmatch(digits, len(trunk))):
                try:
                    number = phonenumbers.parse(digits, region)
                except NumberParseException:
                    continue
                if phonenumbers.is_valid_number_for_region(number, region):
                    return True
        return False

    def normalized(self, value: str) -> str:
        """The digits, with `+` if they begin with a country code; national numbers have no unique longer form."""
        digits = "".join(_GROUP.findall(value))
        if "+" in value[:3]:
            return _e164(value) or "+" + digits
        return _e164("+" + digits[2:]) or digits if digits.startswith("00") else digits


def _national_form(region: str) -> tuple[str, re.Pattern[str]]:
    """The trunk prefix of a region, may be empty, and what its numbers look like behind it."""
    metadata: Any = PhoneMetadata.metadata_for_region(region)  # its own annotations make every attribute optional
    return metadata.national_prefix or "", re.compile(metadata.general_desc.national_number_pattern)


def _is_international(number: str) -> bool:
    return _e164(number) is not None


def _e164(number: str) -> str | None:
    try:
        parsed = phonenumbers.parse(number, None)
    except NumberParseException:
        return None
    if not phonenumbers.is_valid_number(parsed):
        return None
    return str(phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164))
