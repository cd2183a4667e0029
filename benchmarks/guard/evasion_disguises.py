"""Values of seven kinds, and the disguises that the evasion benchmark puts them in."""

from __future__ import annotations

import base64
import random
from collections.abc import Callable
from urllib.parse import quote

from stdnum import iban, luhn

from gateway_ext.guard.secrets.checksums import crc32_base62

Random = random.Random
Disguise = Callable[[str, Random], str]

CAPITALS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
DIGITS = "0123456789"
BASE62 = DIGITS + CAPITALS + CAPITALS.lower()


def _some(random: Random, alphabet: str, length: int) -> str:
    return "".join(random.choices(alphabet, k=length))


def french_nir(random: Random) -> str:
    body = f"{random.choice('12')}{random.randint(40, 99)}{random.randint(1, 12):02}{random.randint(21, 95):02}"
    body = f"{body}{random.randint(1, 500):03}{random.randint(1, 900):03}"
    return _grouped(body + f"{97 - int(body) % 97:02}", (1, 2, 2, 2, 3, 3, 2))


def german_iban(random: Random) -> str:
    body = _some(random, DIGITS, 18)
    return _grouped(f"DE{iban.calc_check_digits('DE00' + body)}{body}", (4, 4, 4, 4, 4, 2))


def card(random: Random) -> str:
    body = "4" + _some(random, DIGITS, 14)
    return _grouped(body + luhn.calc_check_digit(body), (4, 4, 4, 4))


def email(random: Random) -> str:
    return f"{random.choice(('jeanne', 'markus', 'sofia'))}.{random.choice(('dupont', 'weber', 'rossi'))}@example.{random.choice(('fr', 'de', 'org'))}"


def phone(random: Random) -> str:
    return _grouped("+336" + str(random.randint(10_000_000, 37_999_999)), (3, 1, 2, 2, 2, 2))


def github_token(random: Random) -> str:
    body = _some(random, BASE62, 30)
    return f"ghp_{body}{crc32_base62(body)}"


def _grouped(value: str, sizes: tuple[int, ...]) -> str:
    groups, position = [], 0
    for size in sizes:
        groups.append(value[position : position + size])
        position += size
    return " ".join(groups)


VALUES: dict[str, Callable[[Random], str]] = {
    "aws_key": lambda random: "AKIA" + _some(random, CAPITALS + "234567", 16),
    "fr_nir": french_nir,
    "iban": german_iban,
    "payment_card": card,
    "email": email,
    "phone": phone,
    "github_token": github_token,
}


def _mapped(first_capital: int, first_small: int, first_digit: int) -> Disguise:
    def disguise(value: str, random: Random) -> str:
        table = {0x41 + n: first_capital + n for n in range(26)} | {0x61 + n: first_small + n for n in range(26)}
        return value.translate(table | {0x30 + n: first_digit + n for n in range(10)})

    return disguise


def _between(character: str) -> Disguise:
    return lambda value, random: character.join(value)


def homoglyphs(value: str, random: Random) -> str:
    """About half of the letters that have look-alikes, in two scripts, and zeros and ones."""
    cyrillic = dict(zip("ABCEHIKMOPSTXYaceiopsxyj01", "АВСЕНІКМОРЅТХУасеіорѕхуј" + "ОІ", strict=True))
    greek = dict(zip("ABEHIKMNOPTXYZov", "ΑΒΕΗΙΚΜΝΟΡΤΧΥΖον", strict=True))
    alike = [{**greek, **cyrillic}, {**cyrillic, **greek}]
    chosen = [random.choice(alike).get(c, c) if random.random() < 0.5 else c for c in value]
    first = next((n for n, c in enumerate(value) if c in cyrillic), None)
    if first is not None:
        chosen[first] = cyrillic[value[first]]
    return "".join(chosen)


def no_break_groups(value: str, random: Random) -> str:
    if " " in value:
        return value.replace(" ", "\u00a0")
    return "\u00a0".join(value[n : n + 4] for n in range(0, len(value), 4))


def spaced_out(value: str, random: Random) -> str:
    return random.choice((" ", " ", ".", "-", "_")).join(value.replace(" ", ""))


def newline_inside(value: str, random: Random) -> str:
    place = random.randint(1, len(value) - 1)
    ending = random.choice(("\n", "\n", "\r\n", "\n    ", "\n> "))
    return value[:place].rstrip(" ") + ending + value[place:].lstrip(" ")


full_width = _mapped(0xFF21, 0xFF41, 0xFF10)
mathematical = _mapped(0x1D400, 0x1D41A, 0x1D7CE)


def in_base64(value: str, random: Random) -> str:
    encoded = base64.b64encode(value.encode()).decode()
    return random.choice((encoded, encoded.rstrip("="), base64.urlsafe_b64encode(value.encode()).decode()))


def in_hexadecimal(value: str, random: Random) -> str:
    digits = value.encode().hex()
    return random.choice((digits, digits.upper(), value.encode().hex(" "), value.encode().hex(":")))


def in_percent(value: str, random: Random) -> str:
    return random.choice(("".join(f"%{byte:02X}" for byte in value.encode()), quote(value, safe="")))


def in_escapes(value: str, random: Random) -> str:
    form = random.choice(("\\u{:04x}", "\\x{:02x}", "&#{};", "&#x{:x};", "\\{:03o}"))
    return "".join(form.format(ord(character)) for character in value)


def in_tags(value: str, random: Random) -> str:
    return "".join(chr(0xE0000 + ord(character)) for character in value)


def _after(first: Disguise, second: Disguise) -> Disguise:
    return lambda value, random: second(first(value, random), random)


DISGUISES: dict[str, Disguise] = {
    "zero-width": _between("\u200b"),
    "soft hyphen": _between("\u00ad"),
    "full-width": full_width,
    "homoglyphs": homoglyphs,
    "mathematical": mathematical,
    "base64": in_base64,
    "hexadecimal": in_hexadecimal,
    "percent": in_percent,
    "escapes": in_escapes,
    "tag characters": in_tags,
    "no-break groups": no_break_groups,
    "spaced out": spaced_out,
    "newline inside": newline_inside,
}
NESTED: dict[str, Disguise] = {
    "full-width in base64": _after(full_width, in_base64),
    "zero-width in hex": _after(_between("\u200b"), in_hexadecimal),
    "base64 in base64": _after(in_base64, in_base64),
    "hex in percent": _after(in_hexadecimal, lambda value, _: "".join(f"%{ord(c):02X}" for c in value)),
    "spaced out, full-width": _after(full_width, spaced_out),
    "spaced out in base64": _after(spaced_out, in_base64),
    "percent, spaced out": _after(in_percent, spaced_out),
    "tags of base64": _after(in_base64, in_tags),
    "base64 with newline": _after(in_base64, newline_inside),
}
