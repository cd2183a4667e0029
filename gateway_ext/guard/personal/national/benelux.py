"""Belgium, the Netherlands and Luxembourg."""

from __future__ import annotations

from stdnum import luhn, verhoeff
from stdnum.be import ssn
from stdnum.nl import bsn

from gateway_ext.guard.personal.national.identifier import NationalIdentifier, digits, is_date


def _is_matricule(number: str) -> bool:
    """Date of birth, serial, then a Luhn and a Verhoeff digit, each over the first eleven (loi du 19 juin 2013)."""
    first = number[:11]
    return (
        is_date(int(number[:4]), int(number[4:6]), int(number[6:8]))
        and bool(luhn.is_valid(first + number[11]))
        and bool(verhoeff.is_valid(first + number[12]))
    )


IDENTIFIERS = (
    NationalIdentifier(
        name="be_rijksregisternummer",
        shape=digits(11, "[ ./-]"),
        is_valid=ssn.is_valid,
        words=(
            "rijksregister | rrn | nrn | registre national | numéro national | numéro de national | nationaal nummer"
            " | nationalregister | niss | insz | bis nummer | belgian"
        ),
        alone=r"\d\d[.-]\d\d[.-]\d\d[-. ]\d{3}[.-]\d\d|\d{6}-\d{3}[-.]\d\d",
    ),
    NationalIdentifier(
        name="nl_bsn",
        shape=rf"{digits(9)}|\d{{4}}\.\d\d\.\d{{3}}|\d{{3}}[.-]\d{{3}}[.-]\d{{3}}",
        is_valid=bsn.is_valid,
        words="bsn | burgerservice | burger service | sofinumm | sofi nummer | citizen service number",
    ),
    NationalIdentifier(
        name="lu_matricule",
        shape=r"(?:18|19|20)\d\d[ ./-]?\d\d[ ./-]?\d\d[ ./-]?\d{3}[ ./-]?\d\d",
        is_valid=_is_matricule,
        alone=r"(?:18|19|20)\d\d[ ./-]?\d\d[ ./-]?\d\d[ ./-]?\d{3}[ ./-]?\d\d",
        reads_compact=True,
    ),
)
