"""Payment card numbers: ISO/IEC 7812, 13 to 19 digits, an issuer's prefix and the Luhn check digit."""

from __future__ import annotations

import re
from collections.abc import Iterator

from stdnum import luhn

from gateway_ext.guard.personal.recognizer import Candidate, GuardRecognizer

# Compact, or in the groups that are embossed: 4-4-4-4(-1…3), 4-6-5 (American Express), 4-6-4 (Diners), 4-3-3-3 (Visa).
_GROUPED = r"\d{4}(?P<gap>[ -])(?:\d{4}(?P=gap)\d{4}(?P=gap)\d{4}(?:(?P=gap)\d{1,3})?|\d{6}(?P=gap)\d{4,5}|\d{3}(?:(?P=gap)\d{3}){2})"
_CARD = re.compile(rf"(?<![\w.])(?:\d{{13,19}}|{_GROUPED})(?![\w])", re.ASCII)
_EMBOSSED_16 = re.compile(r"\d{4}([ -])\d{4}\1\d{4}\1\d{4}", re.ASCII)
_INSIDE_IBAN = re.compile(r"(?<![A-Z0-9])[A-Z]{2}\d{2}(?:[ -]?[A-Z0-9]{4}){0,5}[ -]\Z", re.ASCII | re.IGNORECASE)
_CARD_WORD = re.compile(r"card|carte|karte|kaart|tarjeta|carta|cartão|kort|karta|visa|\bcc\b|\bpan\b", re.IGNORECASE)
_CONTEXT_CHARACTERS = 40

# First digits as a range, and how many digits a number of that issuer has.
_ISSUERS: tuple[tuple[int, int, frozenset[int]], ...] = (
    (4, 4, frozenset({13, 16, 19})),  # Visa
    (51, 55, frozenset({16})),  # Mastercard
    (2221, 2720, frozenset({16})),  # Mastercard
    (34, 34, frozenset({15})),  # American Express
    (37, 37, frozenset({15})),
    (300, 305, frozenset({14, 16, 19})),  # Diners Club
    (3095, 3095, frozenset({14, 16, 19})),
    (36, 36, frozenset({14, 16, 19})),
    (38, 39, frozenset({14, 16, 19})),
    (6011, 6011, frozenset({16, 17, 18, 19})),  # Discover
    (644, 649, frozenset({16, 17, 18, 19})),
    (65, 65, frozenset({16, 17, 18, 19})),
    (3528, 3589, frozenset({16, 17, 18, 19})),  # JCB
    (62, 62, frozenset({16, 17, 18, 19})),  # UnionPay
    (2200, 2204, frozenset({16, 17, 18, 19})),  # Mir
    (5018, 5020, frozenset({13, 14, 15, 16, 17, 18, 19})),  # Maestro, Dankort
    (5038, 5038, frozenset({13, 14, 15, 16, 17, 18, 19})),  # Maestro
    (5893, 5893, frozenset({13, 14, 15, 16, 17, 18, 19})),
    (6304, 6304, frozenset({13, 14, 15, 16, 17, 18, 19})),
    (6759, 6759, frozenset({13, 14, 15, 16, 17, 18, 19})),
    (6761, 6763, frozenset({13, 14, 15, 16, 17, 18, 19})),
    (508, 508, frozenset({16})),  # RuPay
    (60, 60, frozenset({16})),
    (81, 82, frozenset({16})),
    (9792, 9792, frozenset({16})),  # Troy
)


class PaymentCardRecognizer(GuardRecognizer):
    ENTITY = "CREDIT_CARD"
    PATTERNS = (re.compile(r"\b\d(?:[ -]?\d){12}", re.ASCII),)
    READS_COMPACT = True

    def candidates(self, text: str) -> Iterator[Candidate]:
        position = 0
        while match := _CARD.search(text, position):
            end = match.end()
            if not self._is_card(text, match.start(), end):
                shorter = _EMBOSSED_16.match(text, match.start())  # what follows may be another number
                end = shorter.end() if shorter else end
                if not shorter or not self._is_card(text, match.start(), end):
                    position = _next_group(text, match.start())
                    continue
            yield match.start(), end, 0.95
            position = end

    def _is_card(self, text: str, start: int, end: int) -> bool:
        digits = self.normalized(text[start:end])
        if not has_issuer(digits) or not luhn.is_valid(digits):
            return False
        if len(digits) == 13 and not _CARD_WORD.search(text, max(0, start - _CONTEXT_CHARACTERS), start):
            return False  # as likely an article number (EAN-13)
        return not _INSIDE_IBAN.search(text, max(0, start - _CONTEXT_CHARACTERS), start)

    def normalized(self, value: str) -> str:
        return value.replace(" ", "").replace("-", "")


def has_issuer(digits: str) -> bool:
    """Whether the first digits and the length belong to a known issuer."""
    return any(
        len(digits) in lengths and low <= int(digits[: len(str(low))]) <= high for low, high, lengths in _ISSUERS
    )


def _next_group(text: str, position: int) -> int:
    while position < len(text) and text[position].isdigit():
        position += 1
    return position
