"""All national identifiers, by region."""

from __future__ import annotations

from gateway_ext.guard.personal.national import (
    baltic,
    benelux,
    british,
    central,
    eastern,
    french,
    german,
    iberian,
    nordic,
    southern,
    vat,
)
from gateway_ext.guard.personal.national.identifier import NationalIdentifier
from gateway_ext.guard.personal.national.recognizer import NationalRecognizer

_REGIONS = (baltic, benelux, british, central, eastern, french, german, iberian, nordic, southern, vat)

IDENTIFIERS: tuple[NationalIdentifier, ...] = tuple(
    sorted((row for region in _REGIONS for row in region.IDENTIFIERS), key=lambda row: row.name)
)


def recognizers() -> list[NationalRecognizer]:
    return [NationalRecognizer(identifier) for identifier in IDENTIFIERS]
