"""Made-up values by country: IBANs of the whole registry and phone numbers, in the forms in which they are printed.

Check digits and plans of numbers come from python-stdnum and phonenumbers, never from the detectors.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from importlib import resources
from random import Random

import phonenumbers
from phonenumbers import PhoneNumber, PhoneNumberFormat, PhoneNumberType
from stdnum import iban

_ALPHABETS = {"n": "0123456789", "a": "ABCDEFGHIJKLMNOPQRSTUVWXYZ", "c": "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"}
_GAPS = (" ", " ", "\N{NO-BREAK SPACE}", "-")
_KINDS = (PhoneNumberType.MOBILE, PhoneNumberType.FIXED_LINE)
_DRAWS = 400


def _structures() -> dict[str, list[tuple[int, str]]]:
    """Country → how many characters of which kind stand behind its check digits (SWIFT registry, in python-stdnum)."""
    registry = resources.files("stdnum").joinpath("iban.dat").read_text(encoding="utf-8")
    return {
        country: [(int(count), kind) for count, kind in re.findall(r"(\d+)!([nac])", structure)]
        for country, structure in re.findall(r'^([A-Z]{2}) .*bban="([^"]+)"', registry, re.MULTILINE)
    }


_STRUCTURES: Mapping[str, list[tuple[int, str]]] = _structures()
IBAN_COUNTRIES = tuple(_STRUCTURES)


def iban_of(country: str, random: Random) -> str:
    """A valid IBAN: compact, in lower case, or in groups of four."""
    bban = "".join("".join(random.choices(_ALPHABETS[kind], k=count)) for count, kind in _STRUCTURES[country])
    number = f"{country}{iban.calc_check_digits(f'{country}00{bban}')}{bban}"
    grouped = random.choice(_GAPS).join(number[place : place + 4] for place in range(0, len(number), 4))
    return random.choice((number, number.lower(), grouped, grouped))


def phone_of(country: str, random: Random) -> tuple[str, bool]:
    """A number valid in `country`, as it is printed, and whether in international form."""
    number = _drawn(country, random)
    form = random.choice((PhoneNumberFormat.NATIONAL, PhoneNumberFormat.INTERNATIONAL, PhoneNumberFormat.E164))
    printed = str(phonenumbers.format_number(number, form))
    if form == PhoneNumberFormat.NATIONAL:
        return _with_gap(printed, random), False
    has_trunk_zero = phonenumbers.ndd_prefix_for_region(country, True) == "0"
    if has_trunk_zero and " " in printed and random.random() < 0.2:
        return printed.replace(" ", " (0)", 1), True
    return _with_gap(random.choice((printed, printed, "00" + printed[1:])), random), True


def _with_gap(printed: str, random: Random) -> str:
    return printed if "-" in printed else printed.replace(" ", random.choice((" ", " ", " ", ".", "-")))


def _drawn(country: str, random: Random) -> PhoneNumber:
    example = phonenumbers.example_number_for_type(country, random.choice(_KINDS))
    assert example is not None, f"no example number for {country}"
    significant = phonenumbers.national_significant_number(example)
    kept = random.choice((1, 2, 3))
    for _ in range(_DRAWS):
        drawn = significant[:kept] + "".join(random.choices("0123456789", k=len(significant) - kept))
        number = PhoneNumber(country_code=example.country_code, national_number=int(drawn))
        number.italian_leading_zero = example.italian_leading_zero
        if phonenumbers.is_valid_number_for_region(number, country):
            return number
    return example
