"""Passport numbers: a word for passport, then a number in the form of one of Europe's (ICAO Doc 9303-4: at most 9)."""

from __future__ import annotations

import re
from collections.abc import Iterator

from gateway_ext.guard.personal.context import ContextWords
from gateway_ext.guard.personal.recognizer import Candidate, GuardRecognizer

_WORDS = ContextWords(
    """passport|passeport|reisepass|pass-nr|passnr|pass-nummer|passnummer|passaporto|pasaporte|passaporte|paspoort
    |paszport|cestovní pas|cestovního pasu|číslo pasu|č. pasu|cestovný pas|cestovného pasu|útlevél|pașaport|paşaport
    |паспорт|διαβατήρι|διαβατηρί|pass nr|pass nummer|pasnr|pasnummer|pas nr|passinumero|passin numero|passin nro|passi number
    |passi nr
    |pases numurs|pases nr|paso numer|paso nr|pasas|potni list|potnega lista|putovnic|passaport|uimhir phas|pas uimhir
    |vegabréf"""
)
# Upper case, or lower case throughout. The longer forms first.
_FORMS = (
    r"[CFGHJKLMNPRTVWXYZ][0-9CFGHJKLMNPRTVWXYZ]{8}\d?",  # DE, with or without its check digit
    r"\d{2}[A-Z]{2}\d{5}",  # FR
    r"[A-Z]{2} ?\d{6,7}",  # AT BE BG EE ES FI GR HU IE IT LV PL PT SE SI SK
    r"[A-Z]{3} ?\d{5,6}",  # ES NO
    r"[A-Z] ?\d{6,8}",  # AT CH CY EE IE IS PT LI SE
    r"[A-Z]{2}[A-Z0-9]{6}\d",  # NL
    r"(?=[A-Z]*\d)[A-Z0-9]{8}",  # LU CH
    r"\d{7,9}",  # BG CZ DK GB HR LT MT NO RO SE SK
)
_NUMBER = re.compile(rf"(?<![\w.,/-])(?:{'|'.join(_FORMS)})(?!\w|[.,/:]\d|-\w)", re.ASCII | re.IGNORECASE)
_DIGITS_MIN = 4


class PassportRecognizer(GuardRecognizer):
    ENTITY = "PASSPORT"
    PATTERNS = _WORDS.announcing(r"\d[0-9A-Z]{3}")

    def candidates(self, text: str) -> Iterator[Candidate]:
        for match in _NUMBER.finditer(text):
            digits = sum(character.isdigit() for character in match[0])
            is_one_case = match[0] in (match[0].upper(), match[0].lower())
            if digits >= _DIGITS_MIN and is_one_case and _WORDS.before(text, match.start()):
                yield match.start(), match.end(), 0.85

    def normalized(self, value: str) -> str:
        return value.replace(" ", "").upper()
