"""Machine-readable zones of passports, identity cards and visas: ICAO Doc 9303, lines of 44, 36 or 30 characters.

Every line is judged alone, as people also paste one without the others: lines of data by their check digits, lines of
names by their form. Lines may have run together.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from gateway_ext.guard.personal.recognizer import Candidate, GuardRecognizer

_RUN = re.compile(r"(?<![A-Z0-9<])[A-Z0-9<]{30,90}(?![A-Z0-9<])", re.ASCII)
_LINES_IN_RUN = {30: 30, 36: 36, 44: 44, 60: 30, 72: 36, 88: 44, 90: 30}
_NAMES = r"[A-Z]+(?:<[A-Z]+)*(?:<<[A-Z]+(?:<[A-Z]+)*<*|<{3,})"
_NAME_LINES = {
    44: re.compile(rf"[PV][A-Z<][A-Z]{{1,3}}<{{0,2}}{_NAMES}", re.ASCII),
    36: re.compile(rf"[A-Z][A-Z<][A-Z]{{1,3}}<{{0,2}}{_NAMES}", re.ASCII),
    30: re.compile(r"(?=[A-Z<]{30})[A-Z]+(?:<[A-Z]+)*<(?:<[A-Z]+(?:<[A-Z]+)*)?<<+", re.ASCII),
}
_DATES = r"[0-9<]{6}\d[MFX<]\d{7}"
# First line of a card: type, issuer, number and its check digit. A longer number goes on behind a filler.
_CARD_HEAD = re.compile(
    r"[ACI][A-Z0-9<][A-Z<]{3}[A-Z0-9<]{9}(?:\d[A-Z0-9<]{15}|<[A-Z0-9]{1,13}\d<[A-Z0-9<]*)", re.ASCII
)
_CARD_DATES = re.compile(rf"{_DATES}[A-Z<]{{3}}[A-Z0-9<]{{11}}\d", re.ASCII)
_BOOK_DATA = re.compile(rf"[A-Z0-9<]{{9}}\d[A-Z<]{{3}}{_DATES}[A-Z0-9<]{{8,16}}", re.ASCII)
_WEIGHTS = (7, 3, 1)

Field = tuple[int, int, int]
"""Start and end of a field, index of its check digit."""
_BOOK_FIELDS: Sequence[Field] = ((0, 9, 9), (13, 19, 19), (21, 27, 27))
_CARD_FIELDS: Sequence[Field] = ((0, 6, 6), (8, 14, 14))


class TravelDocumentRecognizer(GuardRecognizer):
    ENTITY = "DOCUMENT_MRZ"
    PATTERNS = (
        re.compile(r"\d{7}[MFX<]\d{7}[A-Z0-9<]{3}", re.ASCII),
        re.compile(r"<{5}\d[MFX<]\d{7}", re.ASCII),  # the date of birth is not known
        re.compile(r"[A-Z]<<[A-Z]", re.ASCII),
        re.compile(r"[A-Z0-9]<<<", re.ASCII),
    )

    def candidates(self, text: str) -> Iterator[Candidate]:
        for run in _RUN.finditer(text):
            size = _LINES_IN_RUN.get(len(run[0]), 0)
            lines = range(run.start(), run.end(), size) if size else ()
            for start in lines:
                if confidence := _confidence(text[start : start + size]):
                    yield start, start + size, confidence

    def normalized(self, value: str) -> str:
        return value


def check_digit(field: str) -> int:
    """Doc 9303-3, 4.9: digits count as themselves, A to Z as 10 to 35, the filler as 0, weights 7, 3, 1."""
    return sum(int(character, 36) * _WEIGHTS[i % 3] for i, character in enumerate(field) if character != "<") % 10


def _confidence(line: str) -> float:
    """How sure a line of 30, 36 or 44 characters is one of a machine-readable zone; 0 if it is not."""
    if _NAME_LINES[len(line)].fullmatch(line):
        return 0.9
    if len(line) == 30:
        if _CARD_DATES.fullmatch(line) and _is_checked(line, _CARD_FIELDS):
            return 0.99
        return 0.9 if "<<<" in line and _CARD_HEAD.fullmatch(line) and _is_checked(*_card_number(line)) else 0.0
    return 0.99 if _BOOK_DATA.fullmatch(line) and _is_checked(line, _BOOK_FIELDS) else 0.0


def _card_number(line: str) -> tuple[str, Sequence[Field]]:
    """The number of a card with its check digit, and where they are."""
    number = line[5:15] if line[14] != "<" else line[5:14] + line[15:].partition("<")[0]
    return number, ((0, len(number) - 1, len(number) - 1),)


def _is_checked(line: str, fields: Sequence[Field]) -> bool:
    return all(check_digit(line[start:end]) == int(line[check]) for start, end, check in fields)
