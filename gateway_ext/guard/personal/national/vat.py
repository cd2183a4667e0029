"""Value added tax numbers with their country's prefix: the 27 member states, the United Kingdom, Norway, Switzerland.

Forms as in the VAT Information Exchange System of the European Commission; check digits by python-stdnum.
"""

from __future__ import annotations

from stdnum.ch import uid
from stdnum.eu import vat
from stdnum.gb import vat as british
from stdnum.no import mva

from gateway_ext.guard.personal.national.identifier import NationalIdentifier, digits


def _digits(count: int) -> str:
    return digits(count, "[ .-]")


_FORMS = {
    "AT": rf"U[ ]?{_digits(8)}",
    "BE": rf"[01][ .]?{_digits(9)}",
    "BG": rf"{_digits(9)}(?:\d)?",
    "CY": rf"{_digits(8)}[ -]?[A-Z]",
    "CZ": r"\d{8,10}",
    "DE": _digits(9),
    "DK": _digits(8),
    "EE": _digits(9),
    "EL": _digits(9),
    "ES": r"[A-Z][ -]?\d{7}[ -]?[A-Z0-9]|\d{8}[ -]?[A-Z]",
    "FI": r"\d{7}-?\d",
    "FR": rf"[0-9A-HJ-NP-Z]{{2}}[ ]?{_digits(9)}",
    "HR": _digits(11),
    "HU": r"\d{8}",
    "IE": r"\d{7}[A-W][A-I]?|\d[A-Z+*]\d{5}[A-W]",
    "IT": _digits(11),
    "LT": r"\d{9}(?:\d{3})?",
    "LU": _digits(8),
    "LV": _digits(11),
    "MT": _digits(8),
    "NL": rf"{_digits(9)}[. ]?B[. ]?\d\d",
    "PL": _digits(10),
    "PT": _digits(9),
    "RO": r"\d{6,10}",
    "SE": r"\d{6}[ -]?\d{4}[ -]?01",
    "SI": _digits(8),
    "SK": _digits(10),
    "GB": r"\d{3} ?\d{4} ?\d\d(?: ?\d{3})?",
    "XI": r"\d{3} ?\d{4} ?\d\d(?: ?\d{3})?",
    "NO": rf"{_digits(9)}[ ]?MVA",
    "CHE": rf"{_digits(9)}(?:[ ]?(?:MWST|TVA|IVA|TPV))?",
}


def _shape(forms: dict[str, str]) -> str:
    return "|".join(f"{prefix}[ .-]?(?:{form})" for prefix, form in forms.items())


def _is_vat_number(number: str) -> bool:
    if number.startswith("CHE"):
        return bool(uid.is_valid(number[:12]))
    if number.startswith("NO"):
        return bool(mva.is_valid(number))
    return bool((british if number.startswith("GB") else vat).is_valid(number))


IDENTIFIERS = (
    NationalIdentifier(
        name="vat_number",
        shape=_shape(_FORMS | {"RO": r"\d{4,10}"}),
        is_valid=_is_vat_number,
        words=(
            "vat | ust id | ustid | umsatzsteuer | mwst | uid | btw | tva | iva | partita | moms | momsregist | alv | dph"
            " | dič | ič dph | nip | cif | cui | nif | nipc | pvm | pvn | kmkr | pdv | ddv | φπα | αφμ | ддс | áfa"
            " | adószám | taxxa | cáin"
        ),
        alone=_shape(_FORMS),
        hint=r"\d(?:[ ./-]?[0-9A-Z+*]){3}",
    ),
)
