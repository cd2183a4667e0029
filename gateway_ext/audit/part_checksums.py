"""CRC-32 of many parts of the same bytes, in a time that does not depend on how long they are. Pure.

A CRC is linear: that of a part follows from those of two beginnings of the whole, one of them multiplied by a power of x
modulo the polynomial, as zlib's crc32_combine() does (ISO-HDLC, reflected: bit 31 is x to the power of 0).
"""

from __future__ import annotations

import zlib
from functools import cache

_POLYNOMIAL = 0xEDB88320
_ONE = 0x80000000
_BYTE = 0x00800000  # x to the power of 8: what one byte more multiplies by
_DIGITS = 12  # bits of a length that a table of powers covers
_BLOCK_BYTES = 4096


class PartChecksums:
    """Of parts of `data`, which must not change."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._beginnings = [0]  # the CRC-32 of so many blocks
        for start in range(0, len(data) - _BLOCK_BYTES + 1, _BLOCK_BYTES):
            self._beginnings.append(zlib.crc32(data[start : start + _BLOCK_BYTES], self._beginnings[-1]))

    def crc32(self, start: int, end: int, before: int = 0) -> int:
        """Of `data[start:end]`, going on from the CRC-32 `before` as zlib.crc32 does."""
        if end - start <= _BLOCK_BYTES:
            return zlib.crc32(self._data[start:end], before)
        return self._of_first(end) ^ _product(_power(end - start), self._of_first(start) ^ before)

    def _of_first(self, count: int) -> int:
        blocks = count // _BLOCK_BYTES
        return zlib.crc32(self._data[blocks * _BLOCK_BYTES : count], self._beginnings[blocks])


def _product(left: int, right: int) -> int:
    found = 0
    while left:
        if left & _ONE:
            found ^= right
        left = (left << 1) & 0xFFFFFFFF
        right = (right >> 1) ^ (_POLYNOMIAL if right & 1 else 0)
    return found


def _power(count: int) -> int:
    """_BYTE to the power of `count`, which is below 2**36."""
    found, place = _ONE, 0
    while count:
        if digit := count & ((1 << _DIGITS) - 1):
            found = _product(found, _powers(place)[digit])
        count >>= _DIGITS
        place += 1
    return found


@cache
def _powers(place: int) -> tuple[int, ...]:
    """_BYTE to the power of each digit at that place."""
    base = _BYTE if place == 0 else _product(_powers(place - 1)[-1], _powers(place - 1)[1])
    found = [_ONE]
    for _ in range((1 << _DIGITS) - 1):
        found.append(_product(found[-1], base))
    return tuple(found)
