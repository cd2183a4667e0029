"""The bytes of an attachment as a request encodes them: data URLs (RFC 2397) and base64 (RFC 4648).

Decoding is strict: what a lenient decoder would make of other strings nobody knows, so those are read as they stand.
"""

from __future__ import annotations

import binascii
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from urllib.parse import unquote_to_bytes

_DATA_URL = re.compile(r"\s*data:([^,]{0,1024}),", re.IGNORECASE)
_CHARSET = re.compile(r"charset=\"?([A-Za-z0-9_.:-]{1,40})", re.IGNORECASE)
_URL_SAFE = str.maketrans("-_", "+/")
_PIECE_CHARACTERS = 256 * 1024  # decoded at once, which keeps other threads waiting; a multiple of 4
_HEAD_CHARACTERS = 4 * 1024


@dataclass(frozen=True, slots=True)
class Payload:
    """`head` is what stands before the comma of a data URL: words of the caller's, to be inspected as well."""

    data: bytes = field(repr=False)
    head: str = field(default="", repr=False)
    charset: str = ""


def is_data_url(value: str) -> bool:
    return _DATA_URL.match(value) is not None


def may_be_base64(value: str) -> bool:
    """Whether the begin of `value` is; cheap, however long it is."""
    return bool(begin(value))


def begin(value: str) -> bytes:
    """The first bytes, up to some kilobytes, of what `decode` returns; none of what is not encoded."""
    url = _DATA_URL.match(value)
    start = url.end() if url else 0
    head = value[start : start + _HEAD_CHARACTERS]
    if len(value) > start + _HEAD_CHARACTERS:
        head = "".join(head.split())
        head = head[: len(head) // 4 * 4]
    payload = decode(value[:start] + head)
    return payload.data if payload else b""


def decode(value: str, media_type: str = "", tick: Callable[[], None] = lambda: None) -> Payload | None:
    """The payload of a data URL or of base64; None when it is neither. `media_type` may declare a charset.

    `tick` is called between pieces and may raise.
    """
    url = _DATA_URL.match(value)
    head = url[1] if url else ""
    encoded = value[url.end() :] if url else value
    charset = _CHARSET.search(f"{media_type};{head}")
    is_base64 = url is None or head.lower().replace(" ", "").endswith(";base64")
    try:
        data = _base64(encoded, tick) if is_base64 else unquote_to_bytes(encoded)
    except binascii.Error:
        return None
    return Payload(data, head, charset[1] if charset else "")


def _base64(encoded: str, tick: Callable[[], None] = lambda: None) -> bytes:
    """Either alphabet, padded or not, over any number of lines. Raises binascii.Error for anything else."""
    digits = encoded.rstrip("=")
    if len(encoded) - len(digits) > 2 or not digits.isascii():
        raise binascii.Error
    try:
        return b"".join(_pieces(digits, tick))
    except binascii.Error:
        joined = "".join(encoded.split())
        if len(joined) == len(encoded):
            raise
        return _base64(joined, tick)


def _pieces(digits: str, tick: Callable[[], None]) -> Iterator[bytes]:
    for start in range(0, len(digits), _PIECE_CHARACTERS):
        piece = digits[start : start + _PIECE_CHARACTERS]
        if "-" in piece or "_" in piece:
            piece = piece.translate(_URL_SAFE)
        yield binascii.a2b_base64(piece + "=" * (-len(piece) % 4), strict_mode=True)
        tick()
