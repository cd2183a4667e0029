"""Draws numbers in the form of national identifiers; most are valid only by chance, and are drawn again if not."""

from __future__ import annotations

import datetime
import random as randomness
from collections.abc import Callable

from stdnum import luhn, verhoeff
from stdnum.fr import nir
from stdnum.it import codicefiscale

Random = randomness.Random

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
IBERIAN_LETTERS = "TRWAGMYFPDXBNJZSQVHLCKE"


def digits(random: Random, count: int) -> str:
    return "".join(random.choices("0123456789", k=count))


def birth_date(random: Random, form: str, first_year: int = 1930) -> str:
    days = random.randrange((datetime.date(2020, 12, 31) - datetime.date(first_year, 1, 1)).days)
    return (datetime.date(first_year, 1, 1) + datetime.timedelta(days)).strftime(form)


def plain(count: int, first: str = "") -> Callable[[Random], str]:
    return lambda random: first + digits(random, count - len(first))


def dated(form: str, serial: int, first_year: int = 1930) -> Callable[[Random], str]:
    """The date of birth, then digits up to the check digit."""
    return lambda random: birth_date(random, form, first_year) + digits(random, serial)


def weighted(number: str, weights: tuple[int, ...]) -> int:
    return sum(int(digit) * weight for digit, weight in zip(number, weights, strict=False))


def drawn_matricule(random: Random) -> str:
    first = birth_date(random, "%Y%m%d") + digits(random, 3)
    return first + str(luhn.calc_check_digit(first)) + str(verhoeff.calc_check_digit(first))


def is_matricule(number: str) -> bool:
    return bool(luhn.is_valid(number[:12]) and verhoeff.is_valid(number[:11] + number[12]))


def is_rvnr(number: str) -> bool:
    numeral = number[:8] + f"{LETTERS.index(number[8]) + 1:02}" + number[9:11]
    products = [
        int(digit) * factor for digit, factor in zip(numeral, (2, 1, 2, 5, 7, 1, 2, 1, 2, 1, 2, 1), strict=True)
    ]
    return sum(int(digit) for product in products for digit in str(product)) % 10 == int(number[11])


def drawn_rvnr(random: Random) -> str:
    return f"{random.randrange(2, 90):02}{birth_date(random, '%d%m%y')}{random.choice(LETTERS)}{digits(random, 3)}"


def drawn_steuer_id(random: Random) -> str:
    nine = random.sample("0123456789", 9)
    ten = [*nine, random.choice(nine)]
    random.shuffle(ten)
    return "".join(ten) + digits(random, 1)


def drawn_codice_fiscale(random: Random) -> str:
    consonants = "BCDFGLMNPRSTVZ"
    born = datetime.date.fromisoformat(birth_date(random, "%Y-%m-%d"))
    day = born.day + random.choice((0, 40))
    names = "".join(random.choices(consonants, k=6))
    first = f"{names}{born:%y}{'ABCDEHLMPRST'[born.month - 1]}{day:02}{random.choice('ABCDEFGHIL')}{digits(random, 3)}"
    return first + str(codicefiscale.calc_check_digit(first))


def drawn_hetu(random: Random) -> str:
    return f"{birth_date(random, '%d%m%y')}-{random.randrange(2, 900):03}{random.choice('0123456789ABCDEFHJKLMNPRSTUVWXY')}"


def drawn_cartao(random: Random) -> str:
    civil = digits(random, 8)
    rest = -weighted(civil, (9, 8, 7, 6, 5, 4, 3, 2)) % 11
    return f"{civil}{rest % 10}{''.join(random.choices(LETTERS, k=2))}{digits(random, 1)}"


def is_szemelyi(number: str) -> bool:
    is_late = number[0] in "34" or int(number[1:3]) >= 97
    weights = tuple(range(10, 0, -1)) if is_late else tuple(range(1, 11))
    return weighted(number[:10], weights) % 11 == int(number[10])


def drawn_szemelyi(random: Random) -> str:
    born = birth_date(random, "%Y%m%d")
    return random.choice("34" if born >= "2000" else "12") + born[2:] + digits(random, 4)


def is_nss(number: str) -> bool:
    return int(number[:2] + number[2:10]) % 97 == int(number[10:])


def drawn_nino(random: Random) -> str:
    return (
        random.choice("ABCEHJLMPRSTWXY") + random.choice("ABCEHJLMPRSWXY") + digits(random, 6) + random.choice("ABCD")
    )


def drawn_cnp(random: Random) -> str:
    born = birth_date(random, "%Y%m%d")
    serial = f"{random.randrange(1, 47):02}{digits(random, 4)}"
    return random.choice("56" if born >= "2000" else "12") + born[2:] + serial


def drawn_baltic(random: Random) -> str:
    born = birth_date(random, "%Y%m%d")
    return random.choice("56" if born >= "2000" else "34") + born[2:] + digits(random, 4)


def drawn_birth_number(random: Random) -> str:
    born = birth_date(random, "%y%m%d", 1955)
    return f"{born[:2]}{int(born[2:4]) + random.choice((0, 50)):02}{born[4:]}{digits(random, 4)}"


def drawn_pesel(random: Random) -> str:
    born = birth_date(random, "%Y%m%d")
    return f"{born[2:4]}{int(born[4:6]) + (20 if born >= '2000' else 0):02}{born[6:]}{digits(random, 5)}"


def drawn_emso(random: Random) -> str:
    born = birth_date(random, "%d%m%Y")
    return f"{born[:4]}{born[5:]}50{digits(random, 4)}"


def drawn_nir(random: Random) -> str:
    first = f"{random.choice('12')}{birth_date(random, '%y%m')}{random.randrange(1, 96):02}{digits(random, 6)}"
    return first + str(nir.calc_check_digits(first))
