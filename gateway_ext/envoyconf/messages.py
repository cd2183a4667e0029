"""Envoy's messages as envoy.yaml has them, too: protobuf's JSON form with the field names of the .proto files
(https://protobuf.dev/programming-guides/json/).

Mappings, and no generated classes: those of Envoy's API take half a second to import, and callers wait for these files.
Tests read what is rendered with the classes: a field that Envoy does not know, or a value of another type, fails there.
"""

from __future__ import annotations

from typing import Any, TypeAlias

Message: TypeAlias = dict[str, Any]

_TYPE_PREFIX = "type.googleapis.com/"


def typed(type_name: str, /, **fields: Any) -> Message:
    """A google.protobuf.Any that holds a message of the type `type_name`."""
    return {"@type": f"{_TYPE_PREFIX}{type_name}", **fields}


def duration(seconds: float) -> str:
    """A google.protobuf.Duration as protobuf writes it, to the microsecond: with no, three or six digits, as '0.250s'."""
    microseconds = round(seconds * 1_000_000)
    digits = 6 if microseconds % 1_000 else 3 if microseconds % 1_000_000 else 0
    return f"{microseconds / 1_000_000:.{digits}f}s"
