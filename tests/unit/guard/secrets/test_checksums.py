from __future__ import annotations

import zlib

from gateway_ext.guard.secrets.checksums import bech32_checksum, crc32_base62, has_bech32, has_crc32


def test_crc32_in_base62() -> None:
    assert zlib.crc32(b"123456789") == 0xCBF43926  # the check value of CRC-32/ISO-HDLC
    digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
    value = 0
    for digit in crc32_base62("123456789"):
        value = value * 62 + digits.index(digit)
    assert value == 0xCBF43926
    assert len(crc32_base62("")) == 6


def test_a_token_carries_the_checksum_of_its_payload() -> None:
    payload = "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5"
    token = f"ghp_{payload}{crc32_base62(payload)}"
    assert has_crc32(token)
    assert not has_crc32(token.replace("a1", "a2"))
    assert not has_crc32("ghp_é")


def test_bech32_vectors_of_bip_173() -> None:
    assert bech32_checksum("a", "") == "2uel5l"
    assert bech32_checksum("abcdef", "qpzry9x8gf2tvdw0s3jn54khce6mua7l") == "mqqqxw"
    assert has_bech32("A12UEL5L")
    assert not has_bech32("A12UEL5X")
