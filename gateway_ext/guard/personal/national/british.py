"""The United Kingdom and Ireland."""

from __future__ import annotations

from stdnum.gb import nhs, utr
from stdnum.ie import pps

from gateway_ext.guard.personal.national.identifier import NationalIdentifier, digits

_NEVER_ISSUED = frozenset({"BG", "GB", "KN", "NK", "NT", "TN", "ZZ"})  # HMRC, NIM39110


def _is_nino(number: str) -> bool:
    return number[:2] not in _NEVER_ISSUED


IDENTIFIERS = (
    NationalIdentifier(
        name="gb_nino",  # without a check digit
        shape=r"[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z][ -]?\d\d[ -]?\d\d[ -]?\d\d[ -]?[A-D]",
        is_valid=_is_nino,
        words="national insurance | nino | ni number | n i number | ni no | insurance number | ni num",
        alone=r"[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z] \d\d \d\d \d\d [A-D]",
        confidence=0.9,
    ),
    NationalIdentifier(
        name="gb_nhs_number",
        shape=rf"{digits(10)}|\d{{3}}-\d{{3}}-\d{{4}}",
        is_valid=nhs.is_valid,
        words="nhs | national health service",
    ),
    NationalIdentifier(
        name="gb_utr",
        shape=r"\d{5} ?\d{5}|\d{3} ?\d{3} ?\d{4}|\d{2} \d{4} \d{4}",
        is_valid=utr.is_valid,
        words="utr | unique taxpayer | taxpayer reference | tax reference",
    ),
    NationalIdentifier(
        name="ie_pps",
        shape=r"\d{7}[ -]?[A-W][ABHWTX]?",
        is_valid=pps.is_valid,
        words="pps | ppsn | personal public service | irish",
    ),
)
