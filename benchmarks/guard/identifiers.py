"""Made-up national identifiers, valid and nearly so, for measuring what the Guard finds and what it leaves alone.

Check digits come from python-stdnum or are worked out here, never by the detectors that are measured.
"""

from __future__ import annotations

import datetime
import uuid
from collections.abc import Callable, Mapping
from types import MappingProxyType

from stdnum import ean
from stdnum.ch import uid
from stdnum.eu import vat
from stdnum.gb import vat as british_vat
from stdnum.no import mva

from benchmarks.guard.identifier_draws import LETTERS, Random, digits
from benchmarks.guard.identifier_table import TABLE

_VAT: Mapping[str, str] = {
    "AT": "U########",
    "BE": "0#########",
    "BG": "#########",
    "CY": "1#######@",
    "CZ": "########",
    "DE": "#########",
    "DK": "########",
    "EE": "#########",
    "EL": "#########",
    "ES": "B########",
    "FI": "########",
    "FR": "###########",
    "HR": "###########",
    "HU": "########",
    "IE": "#######@",
    "IT": "###########",
    "LT": "#########",
    "LU": "########",
    "LV": "4##########",
    "MT": "########",
    "NL": "#########B01",
    "PL": "##########",
    "PT": "5########",
    "RO": "########",
    "SE": "##########01",
    "SI": "########",
    "SK": "##########",
    "GB": "#########",
    "NO": "#########MVA",
    "CHE": "#########MWST",
}

VAT_COUNTRIES = tuple(_VAT)
NAMES = (*TABLE, "vat_number")

WORDS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {name: identifier.words for name, identifier in TABLE.items()} | {"vat_number": ("VAT", "USt-IdNr.", "TVA")}
)
"""What people call the number where it is used."""


def valid(name: str, random: Random) -> str:
    """A valid number as it is written, in print or compact."""
    if name == "vat_number":
        return valid_vat(random.choice(VAT_COUNTRIES), random)
    identifier = TABLE[name]
    number = identifier.make(random)
    while not identifier.is_valid(number):
        number = identifier.make(random)
    return _written(number, random.choice([form for form in identifier.forms if form.count("#") >= len(number)]))


def valid_vat(country: str, random: Random) -> str:
    number = country + _filled(_VAT[country], random)
    while not is_vat(number):
        number = country + _filled(_VAT[country], random)
    return random.choice((number, f"{country} {number[len(country) :]}"))


def near_miss(name: str, random: Random) -> str:
    """Something that looks like the number and is none: a wrong check digit, an article number, a date, a hash …"""
    others: tuple[Callable[[str, Random], str], ...] = (_order, _timestamp, _version, _hash)
    if name != "de_steuernummer":  # which thirteen digits of an article number may well be
        others = (*others, _article)
    return random.choice((wrong, wrong, *others))(name, random)


def wrong(name: str, random: Random) -> str:
    """A valid number with one digit changed so that it no longer is."""
    if name == "vat_number":
        return _wrong_vat(random)
    identifier = TABLE[name]
    for _ in range(50):
        written = valid(name, random)
        place = random.choice([place for place, character in enumerate(written) if character.isdigit()])
        changed = written[:place] + random.choice("0123456789") + written[place + 1 :]
        if not identifier.is_valid(changed if name == "fi_hetu" else _compact(changed)):
            return changed
    return written + digits(random, 2)  # without a check digit only the length can be wrong


def _wrong_vat(random: Random) -> str:
    country = random.choice(VAT_COUNTRIES)
    while is_vat(number := country + _filled(_VAT[country], random)):
        pass
    return number


def _order(_name: str, random: Random) -> str:
    return f"{random.choice(('ORD', 'INV', 'RE'))}-{random.randrange(2015, 2027)}-{digits(random, 6)}"


def _timestamp(_name: str, random: Random) -> str:
    moment = datetime.datetime.fromtimestamp(random.randrange(10**9, 18 * 10**8), tz=datetime.UTC)
    return moment.strftime(random.choice(("%Y-%m-%d %H:%M", "%d.%m.%Y", "%Y-%m-%dT%H:%M:%SZ", "%d/%m/%Y %H:%M")))


def _version(_name: str, random: Random) -> str:
    return ".".join(str(random.randrange(30)) for _ in range(4))


def _hash(_name: str, random: Random) -> str:
    return random.choice((f"{random.getrandbits(160):040x}", str(uuid.UUID(int=random.getrandbits(128), version=4))))


def _article(_name: str, random: Random) -> str:
    first = random.choice(("40", "30", "50", "87", "80", "84")) + digits(random, 10)
    return first + str(ean.calc_check_digit(first))


def _filled(form: str, random: Random) -> str:
    return "".join({"#": digits(random, 1), "@": random.choice(LETTERS)}.get(place, place) for place in form)


def is_vat(number: str) -> bool:
    match number[:2]:
        case "CH":
            return bool(uid.is_valid(number[:12]))
        case "NO":
            return bool(mva.is_valid(number))
        case "GB":
            return bool(british_vat.is_valid(number))
    return bool(vat.is_valid(number))


def _written(number: str, form: str) -> str:
    characters = iter(number)
    return "".join(next(characters, "") if place == "#" else place for place in form)


def _compact(number: str) -> str:
    return "".join(character for character in number if character.isalnum())
