"""Germany, Austria and Switzerland."""

from __future__ import annotations

from stdnum.at import tin, vnr
from stdnum.ch import ssn
from stdnum.de import idnr, stnr

from gateway_ext.guard.personal.national.identifier import NationalIdentifier, digits, is_day

_LETTER = {chr(code): f"{code - 64:02}" for code in range(ord("A"), ord("Z") + 1)}


def _sum_of_crosses(numeral: str, factors: tuple[int, ...]) -> int:
    products = (factor * int(digit) for factor, digit in zip(factors, numeral, strict=True))
    return sum(product // 10 + product % 10 for product in products)


def _is_rvnr(number: str) -> bool:
    """Area, date of birth, initial, serial, check digit (VKVV § 2). Pensioners' days may be 32 or 64 higher."""
    area, day, initial, serial, check = number[:2], number[2:4], number[8], number[9:11], number[11]
    date = f"{number[6:8]}{number[4:6]}{(int(day) - 1) % 32 + 1:02}"
    factors = (2, 1, 2, 5, 7, 1, 2, 1, 2, 1, 2, 1)
    return (
        area > "01"
        and is_day(date)
        and _sum_of_crosses(number[:8] + _LETTER[initial] + serial, factors) % 10 == int(check)
    )


def _is_svnr(number: str) -> bool:
    """Serial and check digit, then the date of birth, whose month may be 13 to 15 when a day has run out of serials."""
    day, month, year = number[4:6], int(number[6:8]), number[8:]
    return bool(vnr.is_valid(number)) and is_day(f"{year}{min(month, 12):02}{day}") and month <= 15


IDENTIFIERS = (
    NationalIdentifier(
        name="de_steuer_id",
        shape=digits(11, "[ /]"),
        is_valid=idnr.is_valid,
        words=(
            "steuer id | steuerid | steueridentifikation | steuer identifikation | steuerliche id | identifikationsnumm"
            " | idnr | id nr | tin | german tax"
        ),
    ),
    NationalIdentifier(
        name="de_steuernummer",
        shape=r"\d{2,3}[ /-]\d{3,4}[ /-]\d{4,5}|\d{10,11}|\d{13}",
        is_valid=stnr.is_valid,
        words="steuernumm | steuer nummer | steuer nr | steuernr | st nr | stnr | german tax number",
        confidence=0.7,
    ),
    NationalIdentifier(
        name="de_rvnr",
        shape=r"\d\d[ -]?\d{6}[ -]?[A-Z][ -]?\d{3}|\d\d[ -]\d\d[ -]?\d\d[ -]?\d\d[ -]?[A-Z][ -]?\d\d[ -]?\d",
        is_valid=_is_rvnr,
        words=(
            "rentenversicherung | rvnr | rv nr | rv nummer | sozialversicherungsnumm | svnr | sv nr | sv nummer"
            " | versicherungsnumm"
        ),
        alone=r"\d\d ?\d{6} ?[A-Z] ?\d{3}",
        reads_compact=True,
    ),
    NationalIdentifier(
        name="at_sozialversicherungsnummer",
        shape=r"\d{4}[ /-]?\d{2}[ .]?\d{2}[ .]?\d{2}",
        is_valid=_is_svnr,
        words="sozialversicherung | svnr | sv nr | sv nummer | svn | versicherungsnumm | vsnr",
    ),
    NationalIdentifier(
        name="at_abgabenkontonummer",
        shape=r"\d\d[ -]?\d{3}[ /-]?\d{4}",
        is_valid=tin.is_valid,
        words="abgabenkonto | steuernumm | steuer nr | steuernr | st nr | finanzamt",
        alone=r"\d\d-\d{3}/\d{4}",
    ),
    NationalIdentifier(
        name="ch_ahv",
        shape=r"756[ .]?\d{4}[ .]?\d{4}[ .]?\d\d",
        is_valid=ssn.is_valid,
        alone=r"756[ .]?\d{4}[ .]?\d{4}[ .]?\d\d",
        reads_compact=True,
    ),
)
