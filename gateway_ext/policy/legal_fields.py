"""The kinds of value that legal profiles, and conditions on them, are made of."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator

from gateway_ext.policy.fields import Line, fault, known, shaped

CERTIFICATIONS = ("SecNumCloud", "C5", "ISO27001", "ISO42001", "HDS")


def _spelled_alike(name: str) -> str:
    """Requirements compare certifications as text, so the usual ones have one spelling."""
    plain = re.sub(r"[\s_/:-]|iec", "", name.casefold())
    for usual in CERTIFICATIONS:
        if plain == usual.casefold() and name != usual:
            raise fault(f"is '{name}'; write '{usual}', so that it is the same everywhere")
    return name


Certification = Annotated[Line, AfterValidator(_spelled_alike)]
Region = Annotated[
    str, shaped(r"[A-Z]{2}|EEA|global", "must be a country (ISO 3166-1), such as FR, or EU, EEA or global")
]
StorageRegion = Annotated[
    str, shaped(r"[A-Z]{2}|EEA|global|none", "must be a country (ISO 3166-1), such as FR, or EU, EEA, global or none")
]
Place = Annotated[
    str, shaped(r"[A-Z]{2}|EEA", "must be a country (ISO 3166-1), such as FR, or EU or EEA for all of their members")
]
EvidenceFile = Annotated[
    str,
    shaped(r"[a-z0-9][a-z0-9._-]*\.evidence", "must be the name of a file beside this one that ends with .evidence"),
    known("evidence file"),
]
Sha256 = Annotated[str, shaped(r"[0-9a-f]{64}", "must be 64 hexadecimal digits, as sha256sum prints them")]
