"""The German health insurance number (Krankenversichertennummer, § 290 SGB V): a letter and nine digits.

The last digit checks the others: the letter counts as two digits (A is 01), every second of the ten is doubled, the
digits of all results are added, modulo 10. That alone lets one of ten through, so a word must stand before the number.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from gateway_ext.guard.personal.context import ContextWords
from gateway_ext.guard.personal.recognizer import Candidate, GuardRecognizer

_WORDS = ContextWords(
    """versichert|krankenversicher|krankenkasse|kvnr|kv-nr|kv nummer|gesundheitskarte|egk|gkv|versichertenkarte
    |health insurance|insured|assurance maladie|assicurazione|seguro|verzekering|ubezpiecz"""
)
_KVNR = re.compile(r"(?<!\w)[A-Z] ?\d{3} ?\d{3} ?\d{3}(?!\w)", re.ASCII | re.IGNORECASE)


class GermanInsuranceRecognizer(GuardRecognizer):
    ENTITY = "DE_KVNR"
    COUNTRY_CODE = "de"
    PATTERNS = _WORDS.announcing(r"[A-Z] ?\d{3} ?\d{3} ?\d{3}")

    def candidates(self, text: str) -> Iterator[Candidate]:
        for match in _KVNR.finditer(text):
            if check_digit(self.normalized(match[0])[:9]) == int(match[0][-1]) and _WORDS.before(text, match.start()):
                yield match.start(), match.end(), 0.95

    def normalized(self, value: str) -> str:
        return value.replace(" ", "").upper()


def check_digit(number: str) -> int:
    """The tenth character of a number of which `number` holds the first nine: a capital letter and eight digits."""
    digits = f"{ord(number[0]) - ord('A') + 1:02}{number[1:]}"
    products = (int(digit) * (1 + index % 2) for index, digit in enumerate(digits))
    return sum(product // 10 + product % 10 for product in products) % 10
