"""Fields that a provider knows by another name, or refuses: what compatible servers do not have in common. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

FieldNames = Mapping[str, str]
"""A field of the wire format, and what a provider calls it; "": it is left out."""


def as_named(document: Mapping[str, Any], names: FieldNames) -> dict[str, Any]:
    """`document` with its fields as the provider calls them. One that is there under the provider's own name stays as it is."""
    told = {field: value for field, value in document.items() if field not in names}
    for field, name in names.items():
        if name and field in document:
            told.setdefault(name, document[field])
    return told
