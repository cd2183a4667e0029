"""Content codings of request bodies (RFC 9110 §8.4.1): gzip (RFC 1952) and br (RFC 7932), stacked at most twice.

What is inspected must be what is forwarded, so a coded body is decoded here, within bounds, or refused.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable

import brotli

from gateway_ext import limits
from gateway_ext.errors import BodyInvalid, BodyTooLarge, ContentCodingUnsupported

_CODINGS_MAX = 2
_GZIP_MEMBERS_MAX = 16
_GZIP_WBITS = 16 + zlib.MAX_WBITS
_RATIO_APPLIES_BYTES = 1024 * 1024
_BROKEN = "The request body is not what its Content-Encoding says: broken, cut short or followed by something else."


def decode_body(body: bytes, content_encoding: str) -> tuple[bytes, bool]:
    """The body free of content codings, and whether it had any. `content_encoding` is the header's value.

    Raises ContentCodingUnsupported for other codings, BodyTooLarge above limits.REQUEST_BODY_BYTES_MAX as it came, beyond limits.DECODED_BODY_BYTES_MAX or, past 1 MiB,
    beyond limits.DECODED_RATIO_MAX times the size received, and BodyInvalid for a body that does not decode.
    """
    if len(body) > limits.REQUEST_BODY_BYTES_MAX:
        raise BodyTooLarge
    names = [name for part in content_encoding.lower().split(",") if (name := part.strip()) not in ("", "identity")]
    if len(names) > _CODINGS_MAX or not all(name in _DECODERS for name in names):
        raise ContentCodingUnsupported
    bytes_max = min(limits.DECODED_BODY_BYTES_MAX, max(_RATIO_APPLIES_BYTES, limits.DECODED_RATIO_MAX * len(body)))
    for name in reversed(names):  # the header lists codings in the order in which they were applied
        body = _DECODERS[name](body, bytes_max)
    return body, bool(names)


def _gunzip(body: bytes, bytes_max: int) -> bytes:
    """Members one after the other, as RFC 1952 §2.2 allows; few of them, because each costs a copy of the rest."""
    decoded = bytearray()
    for _ in range(_GZIP_MEMBERS_MAX):
        member = zlib.decompressobj(_GZIP_WBITS)
        try:
            decoded += member.decompress(body, bytes_max + 1 - len(decoded))
        except zlib.error:
            raise BodyInvalid(_BROKEN) from None
        if len(decoded) > bytes_max:
            raise BodyTooLarge
        if not member.eof:
            raise BodyInvalid(_BROKEN)
        body = member.unused_data
        if not body:
            return bytes(decoded)
    raise BodyInvalid("The request body has too many gzip members.")


def _unbrotli(body: bytes, bytes_max: int) -> bytes:
    decoder = brotli.Decompressor()
    try:
        decoded: bytes = decoder.process(body, output_buffer_limit=bytes_max + 1)
        is_finished = decoder.is_finished()
    except brotli.error:
        raise BodyInvalid(_BROKEN) from None
    if len(decoded) > bytes_max:
        raise BodyTooLarge
    if not is_finished:
        raise BodyInvalid(_BROKEN)
    return decoded


_DECODERS: dict[str, Callable[[bytes, int], bytes]] = {"gzip": _gunzip, "x-gzip": _gunzip, "br": _unbrotli}
