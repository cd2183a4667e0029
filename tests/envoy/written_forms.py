"""In which forms a value may have been written: the bytes by which it is found. Upper and lower case count as the same."""

from __future__ import annotations

import base64
import html
import json
from collections.abc import Iterator
from urllib.parse import quote, quote_plus

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from tests.envoy.handed_out import Kind

CHUNK_BYTES = 24  # whatever shows 47 bytes of a text in a row shows one of its chunks
VARIETY_MIN = 5  # different bytes of a chunk: rows of zeros or dashes are nobody's text
KEY_PART_BYTES = 16  # a line of a PEM file holds at least one whole part


def forms_of(kind: Kind, value: bytes) -> Iterator[tuple[bytes, str]]:
    """The bytes by which a value is recognised in what was written, both in lower case, each with its form's name."""
    if not value:  # a provider's key that nobody has put in yet
        return
    length = {Kind.TEXT: CHUNK_BYTES, Kind.PRIVATE_KEY: KEY_PART_BYTES}.get(kind, len(value))
    for start in range(0, max(1, len(value) - length + 1), length):
        part = value[start : start + length]
        if len(set(part)) >= VARIETY_MIN:
            for written, form in _forms(part):
                yield written.lower(), form


def _forms(value: bytes) -> Iterator[tuple[bytes, str]]:
    """The plainest last: where two forms are the same bytes, it gives them its name."""
    yield value.hex().encode(), "hex"
    for alignment in range(3):
        yield base64_at(value, alignment), "base64"
        yield base64_at(value, alignment, b"-_"), "base64url"
    try:
        text = value.decode()
    except UnicodeDecodeError:  # key material, or a chunk that begins inside a character
        pass
    else:
        yield text.encode("utf-16-le"), "UTF-16"
        yield html.escape(text).encode(), "HTML"
        yield quote_plus(text).encode(), "percent-encoded"
        yield quote(text, safe="").encode(), "percent-encoded"
        yield from ((_json(_json(text, is_ascii)).encode(), "JSON in JSON") for is_ascii in (True, False))
        yield from ((_json(text, is_ascii).encode(), "JSON") for is_ascii in (True, False))
        yield from ((each.encode(), "other case") for each in (text.upper(), text.lower()))
    yield value, "as it is"


def _json(text: str, is_ascii: bool = True) -> str:
    return json.dumps(text, ensure_ascii=is_ascii)[1:-1]


def base64_at(value: bytes, alignment: int, alternative: bytes = b"+/") -> bytes:
    """How `value` reads inside the base64 of something it stands in, `alignment` bytes after a multiple of three."""
    written = base64.b64encode(bytes(alignment) + value, alternative)
    return written[(0, 2, 3)[alignment] : (alignment + len(value)) * 8 // 6]


def private_number(pem: bytes) -> bytes:
    """What is private of a key: its seed (Ed25519), its scalar (elliptic curves), its first prime (RSA)."""
    match serialization.load_pem_private_key(pem, None):
        case ed25519.Ed25519PrivateKey() as key:
            return key.private_bytes_raw()
        case ec.EllipticCurvePrivateKey() as key:
            return key.private_numbers().private_value.to_bytes((key.key_size + 7) // 8, "big")
        case rsa.RSAPrivateKey() as key:
            return key.private_numbers().p.to_bytes(key.key_size // 16, "big")
    raise TypeError("a private key of a kind that is not known here")
