"""JSON that every parser reads alike: RFC 8259, in the strict reading of RFC 7493 (I-JSON).

What one parser takes and the next reads differently (a key given twice, an integer beyond 64 bits, half a surrogate
pair) could be inspected in one way and executed in another, so it is refused. orjson refuses malformed UTF-8, byte order
marks, lone surrogates, control characters, NaN and numbers that overflow; this file refuses the rest.
"""

from __future__ import annotations

import re
from contextlib import suppress
from typing import Any

import orjson

from gateway_ext import limits
from gateway_ext.errors import BodyInvalid

_INVALID = object()
_CONTAINERS = frozenset({dict, list})
_DIGITS_TO_ZERO = bytes.maketrans(b"123456789", b"000000000")
_LONG_NUMBER = b"0" * limits.JSON_INTEGER_DIGITS_MAX
_NUMBER = re.compile(rb"[0-9.eE+-]+")
_INTEGER = re.compile(rb"-?[0-9]+")
_QUOTES_MAX = 2 * (limits.JSON_KEYS_MAX + limits.JSON_VALUES_MAX)


def parse_object(body: bytes) -> dict[str, Any]:
    """The JSON object in `body`. Raises BodyInvalid, with constant messages, for anything else or beyond the limits."""
    structure = _structure(body)
    _refuse_crowds(structure)
    _refuse_wide_integers(structure)
    document: object = _INVALID
    with suppress(orjson.JSONDecodeError):  # that error holds the body, so it must not become the context of ours
        document = orjson.loads(body)
    if document is _INVALID:
        raise BodyInvalid("The request body is not valid JSON in UTF-8 (RFC 8259).")
    if not isinstance(document, dict):
        raise BodyInvalid("The request body must be a JSON object.")
    if _count_keys(document) != structure.count(b":"):
        raise BodyInvalid("The request body has the same key twice in one object.")
    return document


def encode(document: object) -> bytes:
    """Compact JSON in UTF-8."""
    return orjson.dumps(document)


def _structure(body: bytes) -> bytes:
    """The document without its strings: brackets, commas, colons, numbers and literals.

    Exact for valid JSON. For anything else it may be wrong, but that is refused in any case.
    """
    if b"\\" in body:  # escaped backslashes first: the quote after one ends a string
        body = body.replace(b"\\\\", b"").replace(b'\\"', b"")
    if body.count(b'"') > _QUOTES_MAX:
        raise BodyInvalid("The request body has too many keys or values.")
    return b"".join(body.split(b'"')[::2])


def _refuse_crowds(structure: bytes) -> None:
    """Bound what parsing may allocate: a value of two bytes can become an object of hundred."""
    containers = structure.count(b"[") + structure.count(b"{")
    if structure.count(b":") > limits.JSON_KEYS_MAX or containers + structure.count(b",") > limits.JSON_VALUES_MAX:
        raise BodyInvalid("The request body has too many keys or values.")


def _refuse_wide_integers(structure: bytes) -> None:
    """Refuse integers that do not fit in 64 bits with sign: parsers turn those into floats, wrap or fail."""
    if _LONG_NUMBER not in structure.translate(_DIGITS_TO_ZERO):
        return
    for number in _NUMBER.findall(structure):
        if not _INTEGER.fullmatch(number):
            continue
        if len(number.lstrip(b"-")) > limits.JSON_INTEGER_DIGITS_MAX or not -(2**63) <= int(number) < 2**63:
            raise BodyInvalid("The request body has an integer that does not fit in 64 bits.")


def _count_keys(document: dict[str, Any]) -> int:
    """Members of all objects. Raises BodyInvalid when containers are nested beyond the limit. One pass per level."""
    keys = depth = 0
    level: list[Any] = [document]
    while level:
        depth += 1
        if depth > limits.JSON_DEPTH_MAX:
            raise BodyInvalid("The request body is nested too deeply.")
        below: list[Any] = []
        for container in level:
            if type(container) is dict:
                keys += len(container)
                below += [value for value in container.values() if type(value) in _CONTAINERS]
            elif not _CONTAINERS.isdisjoint(map(type, container)):
                below += [value for value in container if type(value) in _CONTAINERS]
        level = below
    return keys
