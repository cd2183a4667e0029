"""The European set: sentences in 26 languages with personal data of every kind in them, and with what only looks so.

The same for the same seed. Each sentence holds one value, or one that is none (a wrong check digit, a version …), and
most also an order number, a part number, a price, a version, a hash or a time, called so in the sentence's language.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random

from stdnum import ean

from benchmarks.guard import identifiers, personal_samples
from benchmarks.guard.european_frames import FRAMES, NUMBER_NAMES
from benchmarks.guard.european_labels import COUNTRY_LANGUAGES, IDENTIFIER_LABELS, LABELS
from benchmarks.guard.european_values import IBAN_COUNTRIES, iban_of, phone_of
from benchmarks.guard.identifier_table import TABLE

LANGUAGES = tuple(FRAMES)
SELF_EVIDENT = frozenset(
    ("document_mrz", "email", "iban", "ip_public", "mac_address", "payment_card", "postal_address")
)
"""Kinds whose values need no word to announce them; a third of them get none."""

_COUNTRY_BY_PREFIX = {"cz": ("CZ", "SK")}  # one series of numbers in both
_PERSONAL_KINDS = tuple(kind for kind in personal_samples.KINDS if kind not in {"iban", "phone", "de_kvnr"})
_CHECKED_KINDS = frozenset(("iban", "payment_card", "de_kvnr"))


@dataclass(frozen=True, slots=True)
class Sample:
    """`text[start:end]` is a value of `kind`; `is_valid`: or only looks like one."""

    text: str = field(repr=False)
    language: str
    kind: str
    start: int
    end: int
    is_valid: bool

    @property
    def value(self) -> str:
        return self.text[self.start : self.end]


Frames = Mapping[str, Sequence[str]]


def samples(seed: int, per_kind: int, frames: Frames = FRAMES) -> Iterator[Sample]:
    """`per_kind` valid values of each kind in each language where it is at home, and half as many near misses."""
    for language in LANGUAGES:
        for kind in kinds(language):
            random = Random(f"{seed} {language} {kind}")
            for number in range(per_kind):
                value, is_self_evident = _value(kind, language, number, random)
                label = "" if is_self_evident and random.random() < 1 / 3 else _label(kind, language, random)
                yield _sample(frames, language, kind, label, value, random, is_valid=True)
            for _ in range(per_kind // 2):
                label, value = _near_miss(kind, language, random)
                yield _sample(frames, language, kind, label, value, random, is_valid=False)


def kinds(language: str) -> list[str]:
    """Those that are written about in `language`: all in English, of national identifiers elsewhere its countries'."""
    at_home = [name for name in TABLE if language == "en" or language in _languages(name)]
    german = ["de_kvnr"] if language in {"de", "en"} else []
    return [*_PERSONAL_KINDS, "iban", "phone", "vat_number", *german, *at_home]


def _languages(identifier: str) -> set[str]:
    prefix = identifier[:2]
    countries = _COUNTRY_BY_PREFIX.get(prefix, (prefix.upper(),))
    return {language for country in countries for language in COUNTRY_LANGUAGES[country]}


def _value(kind: str, language: str, number: int, random: Random) -> tuple[str, bool]:
    """A value as it is written, and whether it needs no word."""
    if kind in TABLE:
        return identifiers.valid(kind, random), False
    countries = [country for country, spoken in COUNTRY_LANGUAGES.items() if language in spoken]
    if kind == "phone":
        return phone_of(countries[number % len(countries)], random)
    if kind == "iban":
        place = LANGUAGES.index(language) + number * len(LANGUAGES)
        return iban_of(IBAN_COUNTRIES[place % len(IBAN_COUNTRIES)], random), True
    if kind == "vat_number":
        place = LANGUAGES.index(language) + number
        return identifiers.valid_vat(identifiers.VAT_COUNTRIES[place % len(identifiers.VAT_COUNTRIES)], random), False
    return personal_samples.valid(kind, random, language), kind in SELF_EVIDENT


def _label(kind: str, language: str, random: Random) -> str:
    if kind in TABLE:
        return random.choice((*TABLE[kind].words, *IDENTIFIER_LABELS[kind]))
    if kind == "document_mrz":
        return "MRZ"
    known = personal_samples.lead_in(kind, random, language).strip()
    return random.choice([*LABELS[language].get(kind, ()), *([known] if known else [])])


def _near_miss(kind: str, language: str, random: Random) -> tuple[str, str]:
    """What it is called and what it is."""
    if kind in TABLE or kind == "vat_number":
        return _label(kind, language, random), identifiers.wrong(kind, random)
    if kind in _CHECKED_KINDS:
        value, _ = _value(kind, language, random.randrange(100), random)
        return _label(kind, language, random), personal_samples.with_wrong_digit(value, random)
    while "password" in (other := personal_samples.near_miss(kind, random, language)):
        pass  # whose finding would be right
    return "", other


def _sample(
    frames: Frames, language: str, kind: str, label: str, value: str, random: Random, *, is_valid: bool
) -> Sample:
    frame = random.choice(frames[language])
    if label:
        frame = frame.replace("{label}", label[:1].upper() + label[1:] if frame.startswith("{label}") else label)
        frame = frame.replace("::", ":").replace(": :", ":").replace(" :  :", " :")
    else:
        frame = frame.replace("{label} : ", "").replace("{label}: ", "").replace("{label} ", "")
    before, behind = frame.split("{value}")
    if random.random() < 0.3:
        before = f"{_clause(language, random)}. {before}"
    if random.random() < 0.5:
        behind = f"{behind}{'' if behind.endswith(('.', '?')) else ','} {_clause(language, random)}"
    return Sample(before + value + behind, language, kind, len(before), len(before) + len(value), is_valid)


def _clause(language: str, random: Random) -> str:
    """A number that is no personal data, and what it is called."""
    order, part, version, price, request, received = NUMBER_NAMES[language].split(" | ")
    fill = personal_samples.filled
    moment = f"2026-0{random.randint(1, 9)}-{random.randint(10, 28)}T{random.randint(10, 23)}:{random.randint(10, 59)}"
    article = fill("40??????????", random)
    name, number = random.choice(
        (
            (
                order,
                fill(random.choice(("45????????", "RE-2026-??????", "A-?????-??", "2026/?????", "?????????")), random),
            ),
            (part, fill(random.choice(("AB-????-??", "?AA ??? ???", "6ES7 ???-1AG40-0XB0")), random)),
            (part, article + str(ean.calc_check_digit(article))),
            (version, fill(random.choice(("?.??.?", "1?.0.19???.3???", "20??.?.?")), random)),
            (price, fill(random.choice(("?.???,?? €", "€ ??,???.??", "?? ??? EUR", "???,??")), random)),
            (
                request,
                random.choice(
                    (str(uuid.UUID(int=random.getrandbits(128), version=4)), f"{random.getrandbits(160):040x}")
                ),
            ),
            (
                received,
                random.choice(
                    (
                        f"{moment}:07Z",
                        moment.replace("T", " "),
                        f"17{fill('????????', random)}",
                        f"17{fill('???????????', random)}",
                    )
                ),
            ),
        )
    )
    return f"{name} {number}"
