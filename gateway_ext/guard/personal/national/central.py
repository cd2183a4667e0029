"""Poland, Czechia, Slovakia, Hungary, Slovenia and Croatia."""

from __future__ import annotations

from stdnum.cz import rc
from stdnum.hr import oib
from stdnum.pl import nip, pesel
from stdnum.si import ddv, emso

from gateway_ext.guard.personal.national.identifier import DAY_MONTH, NationalIdentifier, digits, is_date


def _weighted(number: str, weights: range | tuple[int, ...]) -> int:
    return sum(weight * int(digit) for weight, digit in zip(weights, number, strict=False))


def _is_szemelyi(number: str) -> bool:
    """Sex and century, date of birth, serial, check digit; its weights turned round in 1997 (1996. évi XX. törvény)."""
    century = 2000 if number[0] in "3478" else 1900
    year, month, day = century + int(number[1:3]), int(number[3:5]), int(number[5:7])
    weights = range(10, 0, -1) if year >= 1997 else range(1, 11)
    return (
        number[0] in "12345678"
        and is_date(year, month, day)
        and _weighted(number[:10], weights) % 11 == int(number[10])
    )


def _is_taj(number: str) -> bool:
    """Eight digits weighted 3 and 7 in turn, modulo 10 (1996. évi XX. törvény)."""
    return int(number) > 0 and _weighted(number[:8], (3, 7) * 4) % 10 == int(number[8])


def _is_adoazonosito(number: str) -> bool:
    """8, days since 1867, serial, and the sum of place times digit modulo 11 (2017. évi CL. törvény)."""
    return number[0] == "8" and _weighted(number[:9], range(1, 10)) % 11 == int(number[9])


def _is_no_timestamp(number: str) -> bool:
    """Not milliseconds since 1970, of the years from 2020 to 2030: those begin like days in the middle of a month."""
    return not "16" <= number[:2] <= "18"


def _is_ten_digits(number: str) -> bool:
    return len(number) == 10


IDENTIFIERS = (
    NationalIdentifier(
        name="pl_pesel",
        shape=digits(11),
        is_valid=pesel.is_valid,
        words="pesel | powszechny elektroniczny system ewidencji",
    ),
    NationalIdentifier(
        name="pl_nip",
        shape=rf"{digits(10)}|\d{{3}}-\d{{3}}-\d\d-\d\d|\d{{3}}-\d\d-\d\d-\d{{3}}",
        is_valid=nip.is_valid,
        words="nip | identyfikacji podatkowej | identyfikator podatkowy | polish tax",
    ),
    NationalIdentifier(
        name="cz_sk_rodne_cislo",  # one series of numbers in both countries
        shape=r"\d{6}[ /]?\d{3,4}",
        is_valid=rc.is_valid,
        words=(
            "rodné čís | rodné č. | rodného čís | rodným čís | rodném čís | rodnému čís | rodnom čís | rodnej čís"
            " | rč | r č | rc"
            " | birth number | czech | slovak"
        ),
        alone=r"\d\d(?:[05][1-9]|[16][0-2])(?:0[1-9]|[12]\d|3[01])/\d{4}",
        is_sure=_is_ten_digits,
    ),
    NationalIdentifier(
        name="hu_szemelyi_szam",
        shape=r"[1-8][ -]?\d{6}[ -]?\d{4}",
        is_valid=_is_szemelyi,
        words="személyi szám | szem szám | személyi azonosító | személyazonosító | szig szám | hungarian",
        alone=r"[1-8]-\d{6}-\d{4}",
    ),
    NationalIdentifier(
        name="hu_taj",
        shape=rf"{digits(9)}|\d{{3}}-\d{{3}}-\d{{3}}",
        is_valid=_is_taj,
        words="taj | társadalombiztosítási | tb szám",
    ),
    NationalIdentifier(
        name="hu_adoazonosito",
        shape=digits(10),
        is_valid=_is_adoazonosito,
        words="adóazonosító | adó azonosító | adóigazolvány | adószám | hungarian tax",
    ),
    NationalIdentifier(
        name="si_emso",
        shape=digits(13),
        is_valid=emso.is_valid,
        words="emšo | jmbg | matična številka | matične številke | matično številko | slovenian",
        alone=rf"{DAY_MONTH}(?:9\d\d|0[0-2]\d)\d{{6}}",
        is_sure=_is_no_timestamp,
        reads_compact=True,
    ),
    NationalIdentifier(
        name="si_davcna_stevilka",
        shape=digits(8),
        is_valid=ddv.is_valid,
        words="davčna štev | davčne štev | davčno štev | davčni štev | davčna št | slovenian tax",
    ),
    NationalIdentifier(
        name="hr_oib",
        shape=digits(11),
        is_valid=oib.is_valid,
        words="oib | osobni identifikacijski | osobnog identifikacijskog | osobnim identifikacijskim",
    ),
)
