"""CRC-32 of parts, against zlib."""

from __future__ import annotations

import random
import zlib

import pytest

from gateway_ext.audit.part_checksums import PartChecksums

DATA = random.Random(7).randbytes(40_000)


@pytest.mark.parametrize(
    ("start", "end"),
    [
        (0, 0),
        (40_000, 40_000),
        (0, 40_000),
        (1, 39_999),
        (0, 4_096),
        (0, 4_097),
        (4_096, 8_193),
        (4_095, 8_192),
        (8_192, 32_768),
        (17, 20_000),
    ],
)
@pytest.mark.parametrize("before", [0, 1, 0xFFFFFFFF, 0x12345678])
def test_a_part_is_as_zlib_says(start: int, end: int, before: int) -> None:
    assert PartChecksums(DATA).crc32(start, end, before) == zlib.crc32(DATA[start:end], before)


def test_any_part_is() -> None:
    chance, checksums = random.Random(8), PartChecksums(DATA)
    for _ in range(300):
        start, end = sorted((chance.randrange(40_001), chance.randrange(40_001)))
        assert checksums.crc32(start, end) == zlib.crc32(DATA[start:end])


def test_a_part_of_millions_of_bytes() -> None:
    data = DATA * 500  # lengths above 2**24 have a third digit
    assert PartChecksums(data).crc32(5, 18_000_001, 9) == zlib.crc32(data[5:18_000_001], 9)
