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

from gateway_ext.guard.personal.context import ContextWords
from gateway_ext.guard.personal.other_numbers import is_another_number
from gateway_ext.guard.personal.recognizer import Candidate, GuardRecognizer

_EU = ("AT BE BG CY CZ DE DK EE ES FI FR GR HR HU", "IE IT LT LU LV MT NL PL PT RO SE SI SK")
REGIONS = tuple(" ".join((*_EU, "IS LI NO", "GB CH")).split())

_WORDS = ContextWords(
    """tel.|tél.|telnr|telno|telf|telefon|telefoon|teléfon|telefón|teleph|téléph|telefax|phone|homephone|workphone|cellphone
    |smartphone
    |mob.|mobil|mobiel|mobiil|mobitel|móvil|cell.|cellul|celul|gsm|sms|fax.|faxn|whatsapp|hotline|call me|call us
    |call at|call on|call him|call her|dial.|reach me|reached at|reach us|reach him|reach her|ring me|contact number
    |text me|fon.|handy.|handynu|portable|rufnummer|rückruf|anruf|ruf mich|erreich|durchwahl|festnetz|appel|joindre
    |joignable|mon fixe|llám|tlf|tfn|chiam|ligar|ligue para|telemóv|telem.|bel me|bel mij|bel ons|bel naar|bel even
    |bereikbaar|kom.|komór|zadzw|dzwoń|zavol|volaj|volej|hív|sunaț|sunaţ|sună.|тел.|телеф|моб.|мобил|обад|джиесем
    |звънн|τηλ.|τηλέφ|κιν.|κινητ|καλέστε|κάλεσ|ring mig|ring meg|ring til|ring på|ring oss|nås på|puh.|puhel|matkap
    |soita|kännyk|helista|tālr|zvani|zvanī|skambin|pokliči|nazov|mowbajl|ċempel|guthán|teileaf|theileaf|glaoi|fón.|fónu
    |farsím
    |sími.|símanúm|símin.|hring"""
)
# What other numbers are called. One of these counts unless a word for telephone stands nearer.
_OTHERS = ContextWords(
    """order|invoice|ticket|case no|reference|ref.|article|item no|isbn|bestell|rechnung|auftrag|vorgang|aktenz|artikel
    |commande|facture|dossier|référence|pedido|factura|ordine|fattura|pratica|factuur|dossiernummer|zamówieni|faktur
    |objednáv|faktúr|rendelés|számla|comenzi|comanda|поръчк|фактур|παραγγελ|τιμολ|beställning|bestilling|ordre|tilaus
    |lasku|tellimus|arve nr|pasūtīj|rēķin|užsakym|sąskait|naročil|račun|narudžb|encomenda|fatura|ordni|pöntun|reikning"""
)
_OTHERS_CHARACTERS, _NEARER_CHARACTERS = 30, 17
_MARK = "[./\u2010-\u2013-]"
_SEPARATOR = f"[ {_MARK[1:]}"
_GAP = rf"(?:{_SEPARATOR}| {_MARK} |\)(?: ?{_MARK} ?| )?| ?\()?"
_CURRENCY = r" ?(?:[€$£%]|(?:EUR|USD|GBP|CHF|kr|zł|Kč|Ft|lei|лв|dollars?|euros?)\b)"
_RUN = re.compile(
    r"(?:(?<![\w+])\+\(?\d|(?<![\w,#+/-])(?<!\d[ .:])\(?\+?\d)"
    rf"(?:{_GAP}\d){{5,24}}+(?!\w|[.,:]\d|@|{_CURRENCY})"
)
_GROUP = re.compile(r"[0-9]+")
_NEXT = re.compile(r"[^\n\d]{1,9}")  # between numbers that one word announces: "/", "oder"
_DATE = re.compile(r"\d{1,2}[./ -]\d{1,2}[./ -](?:19|20)\d{2}\b|(?:19|20)\d{2}-\d{2}-\d{2}", re.ASCII)
_TRUNK_GROUPED = re.compile(rf"\(?0-?[1-9]\d{{0,4}}\)?{_SEPARATOR}{{1,2}}\(?\d")
_PAIRS = re.compile(r"0[1-9](?:[ .-]\d\d){4}(?!\d)", re.ASCII)  # French; what follows in pairs is the next number
_TRUNK_DIGITS_MIN = 9  # eight digits behind a 0 are a date
_DIGITS_MIN = 6
_DIGITS_MAX = 15  # ITU-T E.164


def _trunk_patterns() -> Iterator[re.Pattern[str]]:
    """At least nine digits with the trunk 0, however many of them in the first group; fewer where that is in brackets."""
    for count in range(5):
        first, rest = r"\d" * count, rf"(?:{_GAP}\d){{{_TRUNK_DIGITS_MIN - 3 - count}}}"
        yield re.compile(rf"\b0-?[1-9]{first}\)?{_SEPARATOR}{{1,2}}\(?\d{rest}", re.ASCII)
    yield re.compile(rf"\(0-?[1-9]\d{{0,4}}\){_SEPARATOR}{{1,2}}\d(?:{_GAP}\d){{2}}", re.ASCII)


class EuropeanPhoneRecognizer(GuardRecognizer):
    ENTITY = "PHONE_NUMBER"
    PATTERNS = (
        re.compile(rf"\+\(?\d(?:{_GAP}\d){{6}}", re.ASCII),
        re.compile(rf"\b00{_GAP}[1-9](?:{_GAP}\d){{6}}", re.ASCII),
        *_trunk_patterns(),
        *_WORDS.announcing(r"\d(?:[^\n0-9A-Za-z]*\d){5}"),
    )

    def __init__(self) -> None:
        self._regions = [(region, *_national_form(region)) for region in REGIONS]

    def candidates(self, text: str) -> Iterator[Candidate]:
        announced_end = -1  # of the latest number that a word announces
        for run in _RUN.finditer(text):
            groups = [(run.start() + group.start(), run.start() + group.end()) for group in _GROUP.finditer(run[0])]
            first = 0
            while first < len(groups):
                start = run.start() if first == 0 else groups[first][0]
                is_next = announced_end >= 0 and bool(_NEXT.fullmatch(text, announced_end, start))
                has_word = is_next or _is_announced(text, start)
                found = self._longest(text, start, groups[first:], has_word)
                if found is None:
                    break  # digits in the middle of something else are not a number
                size, confidence = found
                if not has_word and "+" not in text[start : start + 3] and is_another_number(text, start):
                    break
                end = groups[first + size - 1][1]
                announced_end = end if has_word else -1
                is_in_brackets = text[start] == "(" and ")" not in text[start:end]
                yield start + is_in_brackets, end, confidence
                first += size

    def _longest(
        self, text: str, start: int, groups: list[tuple[int, int]], has_word: bool
    ) -> tuple[int, float] | None:
        """How many groups from `start` on make up a number; the most that do."""
        if _PAIRS.match(text, start):
            groups = groups[:5]
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
        if printed.lstrip("(").startswith("00"):
            return 0.9 if _is_international("+" + digits[2:]) else 0.0
        if _DATE.match(printed):
            return 0.0
        if has_word:
            return 0.85 if self._is_national(digits) else 0.0
        is_in_brackets = printed.startswith("(")  # no date is
        is_long = len(digits) >= _TRUNK_DIGITS_MIN - is_in_brackets
        is_grouped = is_long and bool(_TRUNK_GROUPED.match(printed))
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


def _is_announced(text: str, start: int) -> bool:
    if not _WORDS.before(text, start):
        return False
    return not _OTHERS.before(text, start, _OTHERS_CHARACTERS) or _WORDS.before(text, start, _NEARER_CHARACTERS)


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
