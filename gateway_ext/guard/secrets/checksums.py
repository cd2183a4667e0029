"""Checksums inside tokens. Most providers have none, or do not say how theirs is computed."""

from __future__ import annotations

import zlib

_BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_CRC32_DIGITS = 6
_BECH32 = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
_BECH32_GENERATOR = (0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)


def crc32_base62(payload: str) -> str:
    """CRC-32 of `payload` (ASCII) as six base62 digits, as GitHub describes it for its tokens since April 2021."""
    value = zlib.crc32(payload.encode("ascii"))
    digits = []
    for _ in range(_CRC32_DIGITS):
        value, digit = divmod(value, 62)
        digits.append(_BASE62[digit])
    return "".join(reversed(digits))


def has_crc32(token: str) -> bool:
    """Whether the last six characters of `prefix_payload` are the checksum of the payload: GitHub and npm."""
    payload = token.rpartition("_")[2]
    return payload.isascii() and payload[-_CRC32_DIGITS:] == crc32_base62(payload[:-_CRC32_DIGITS])


def bech32_checksum(prefix: str, data: str) -> str:
    """The six last characters of a Bech32 string (BIP 173) in lower case. ValueError for characters it has not."""
    expanded = [ord(character) >> 5 for character in prefix] + [0] + [ord(character) & 31 for character in prefix]
    state = 1
    for value in [*expanded, *(_BECH32.index(character) for character in data), *[0] * 6]:
        top = state >> 25
        state = (state & 0x1FFFFFF) << 5 ^ value
        for bit, generator in enumerate(_BECH32_GENERATOR):
            state ^= generator if top >> bit & 1 else 0
    state ^= 1
    return "".join(_BECH32[state >> 5 * (5 - position) & 31] for position in range(6))


def has_bech32(token: str) -> bool:
    """age's secret keys: https://age-encryption.org/v1."""
    prefix, _, data = token.lower().rpartition("1")
    return data[-6:] == bech32_checksum(prefix, data[:-6])
