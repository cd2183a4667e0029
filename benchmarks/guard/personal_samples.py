"""Made-up personal data of every kind and language, valid and nearly so, to measure recall and precision with.

`valid` gives a value, `lead_in` the words that people put before it, `near_miss` something that looks like one and is
none. All are the same for the same state of `random`. Independent of the detectors: numbers are made valid by
phonenumbers and python-stdnum, or by the check digits as the standards describe them.
"""

from __future__ import annotations

from collections.abc import Callable
from ipaddress import IPv4Address, IPv6Address
from random import Random

import phonenumbers
from phonenumbers import PhoneNumberFormat, PhoneNumberType
from stdnum import iban, luhn

from benchmarks.guard import personal_words as words

LANGUAGES = tuple(words.REGION)
"""ISO 639-1 codes of the 24 official languages of the EU, Norwegian and Icelandic."""

_UPPER = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_CONSONANTS = "CFGHJKLMNPRTVWXYZ"
_FORMATS = (PhoneNumberFormat.INTERNATIONAL, PhoneNumberFormat.E164, PhoneNumberFormat.NATIONAL)
_CARDS = (("4", 16), ("51", 16), ("2221", 16), ("37", 15), ("36", 14), ("6011", 16), ("3528", 16), ("6759", 16))
_IBANS = {
    "de": "DE8n10n",
    "fr": "FR5n5n11c2n",
    "es": "ES4n4n2n10n",
    "it": "IT1a5n5n12c",
    "nl": "NL4a10n",
    "en": "IE4a6n8n",
}


def filled(form: str, random: Random) -> str:
    """`form` with every `?` a digit, `A` a capital and `#` one of those in German passports; the rest stays."""
    letters = {"?": "0123456789", "A": _UPPER, "#": _CONSONANTS}
    return "".join(random.choice(letters[c]) if c in letters else c for c in form)


def _digits(count: int, random: Random) -> str:
    return filled("?" * count, random)


def _email(random: Random, language: str) -> str:
    first, last = random.choice(words.NAMES[language]).lower().split()
    local = random.choice(
        (f"{first}.{last}", f"{first[0]}{last}", f"{last}_{random.randint(1, 99)}", f"{first}+{last}")
    )
    return (
        f"{local}@{random.choice(('example', 'mail.example', 'firma'))}.{random.choice(('com', 'eu', 'org', 'co.uk'))}"
    )


def phone_number(random: Random, region: str) -> phonenumbers.PhoneNumber:
    """A valid number of an ISO 3166 region."""
    kind = random.choice((PhoneNumberType.MOBILE, PhoneNumberType.FIXED_LINE))
    example = phonenumbers.example_number_for_type(region, kind)
    assert example is not None, f"no example number for {region}"
    digits = phonenumbers.national_significant_number(example)
    for _ in range(200):
        national = digits[:3] + _digits(len(digits) - 3, random)
        number = phonenumbers.PhoneNumber(country_code=example.country_code, national_number=int(national))
        number.italian_leading_zero = example.italian_leading_zero
        if phonenumbers.is_valid_number_for_region(number, region):
            return number
    return example


def _phone(random: Random, language: str) -> str:
    number = phone_number(random, words.REGION[language])
    printed = str(phonenumbers.format_number(number, random.choice(_FORMATS)))
    if printed.startswith("+") and random.random() < 0.2:
        return "00" + printed[1:]
    return printed.replace(" ", random.choice((" ", " ", ".", "-"))) if "-" not in printed else printed


def _iban(random: Random, language: str) -> str:
    structure = _IBANS.get(language, "DE8n10n")
    bban = ""
    count = ""
    for character in structure[2:]:
        if character.isdigit():
            count += character
        else:
            bban += filled({"n": "?", "a": "A", "c": "?"}[character] * int(count), random)
            count = ""
    number = f"{structure[:2]}{iban.calc_check_digits(f'{structure[:2]}00{bban}')}{bban}"
    return random.choice((number, str(iban.format(number)), number.lower()))


def _payment_card(random: Random, language: str) -> str:
    prefix, length = random.choice(_CARDS)
    digits = prefix + _digits(length - len(prefix) - 1, random)
    digits += str(luhn.calc_check_digit(digits))
    gap = random.choice(("", " ", "-"))
    cuts = (4, 8, 12) if length == 16 else (4, 10)
    return gap.join(digits[low:high] for low, high in zip((0, *cuts), (*cuts, length), strict=True))


def _date(random: Random, language: str) -> str:
    year, month, day = random.randint(1930, 2010), random.randint(1, 12), random.randint(1, 28)
    written = words.WRITTEN_DATE.get(language, "{d} {m} {y}")
    name = words.MONTHS[language].split()[month - 1].replace("_", " ")
    forms = (f"{year}-{month:02}-{day:02}", f"{day:02}.{month:02}.{year}", f"{day:02}/{month:02}/{year}")
    return random.choice((*forms, written.format(d=day, m=name, y=year)))


def _mrz_check(field: str) -> str:
    values = ("0" if character == "<" else character for character in field)
    return str(sum(int(value, 36) * (7, 3, 1)[index % 3] for index, value in enumerate(values)) % 10)


def _mrz(random: Random, language: str) -> str:
    """Second line of a passport (Doc 9303-4) or of a card (Doc 9303-5)."""
    birth, expiry = f"{random.randint(40, 99)}0{random.randint(1, 9)}{random.randint(10, 28)}", "310415"
    dates = f"{birth}{_mrz_check(birth)}{random.choice('MF<')}{expiry}{_mrz_check(expiry)}"
    nation = random.choice(("FRA", "D<<", "ESP", "POL"))
    if random.random() < 0.5:
        optional = _digits(9, random) + "<<"
        composite = dates[:7] + dates[8:] + optional
        return f"{dates}{nation}{optional}{_mrz_check(composite)}"
    number = filled("AA???????", random)
    head = number + _mrz_check(number)
    personal = "<" * 14 + "0"
    return f"{head}{nation}{dates}{personal}{_mrz_check(head + dates[:7] + dates[8:] + personal)}"


def _german_kvnr(random: Random, language: str) -> str:
    letter, digits = random.choice(_UPPER), _digits(8, random)
    products = [int(d) * (2 if index % 2 else 1) for index, d in enumerate(f"{_UPPER.index(letter) + 1:02}{digits}")]
    return f"{letter}{digits}{sum(sum(divmod(product, 10)) for product in products) % 10}"


def _ip(random: Random, language: str) -> str:
    if random.random() < 0.3:
        return str(IPv6Address((0x2A01 << 112) + (random.randint(1, 2**32) << 80) + random.randint(1, 2**16)))
    while True:
        address = IPv4Address(random.randint(1 << 24, 223 << 24))
        if address.is_global:
            return str(address)


def _mac(random: Random, language: str) -> str:
    vendor = random.choice(("3c:22:fb", "f8:4d:89", "00:1b:63"))
    printed = ":".join((vendor, *(f"{random.randrange(256):02x}" for _ in range(3))))
    return random.choice((printed, printed.upper(), printed.replace(":", "-")))


def _by_form(forms: dict[str, str]) -> Callable[[Random, str], str]:
    return lambda random, language: filled(random.choice(forms[words.REGION[language]].split("|")), random)


def _address(random: Random, language: str) -> str:
    form = random.choice(words.ADDRESSES[language].split("|")).replace("{n}", str(random.randint(1, 150)))
    return form.replace("\\n", "\n")


_VALID: dict[str, Callable[[Random, str], str]] = {
    "date_of_birth": _date,
    "de_kvnr": _german_kvnr,
    "document_mrz": _mrz,
    "driving_licence": _by_form(words.DRIVING_LICENCES),
    "email": _email,
    "health_card": lambda random, language: f"80{random.choice(('276', '250', '724', '616'))}{_digits(15, random)}",
    "iban": _iban,
    "ip_public": _ip,
    "licence_plate": _by_form(words.PLATES),
    "mac_address": _mac,
    "passport": _by_form(words.PASSPORTS),
    "payment_card": _payment_card,
    "phone": _phone,
    "postal_address": _address,
}
KINDS = tuple(_VALID)


def valid(name: str, random: Random, language: str) -> str:
    """A value of detector `name` as written where `language` is spoken."""
    return _VALID[name](random, language)


def lead_in(name: str, random: Random, language: str) -> str:
    """What announces such a value in `language`, with a space at its end; empty for kinds that need no word."""
    phrases = words.LEAD_INS.get(name, {}).get(language, "")
    return f"{random.choice(phrases.split('|'))} " if phrases else ""


def near_miss(name: str, random: Random, language: str) -> str:
    """Something in the form of `name`, or close to it, that is none: other numbers, wrong check digits, no context."""
    value = valid(name, random, language)
    if name in {"de_kvnr", "iban", "payment_card"}:
        return lead_in(name, random, language) + with_wrong_digit(value, random)
    return filled(random.choice(words.NEAR_MISSES[name].split("|")), random)


def with_wrong_digit(value: str, random: Random) -> str:
    """One digit changed, which every check digit must notice."""
    places = [index for index, character in enumerate(value) if character.isdigit()][-4:]
    place = random.choice(places)
    wrong = str((int(value[place]) + random.randint(1, 8)) % 10)
    return value[:place] + wrong + value[place + 1 :]
