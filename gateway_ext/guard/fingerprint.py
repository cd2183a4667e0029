"""Keyed fingerprints: equal values can be counted without keeping them."""

from __future__ import annotations

import hashlib
import hmac

from gateway_ext.errors import ConfigurationError

KEY_BYTES_MIN = 16


class Fingerprints:
    """Without the key a fingerprint says nothing, though card numbers or phones could all be tried out."""

    __slots__ = ("_cache_key", "_key")

    def __init__(self, key: bytes) -> None:
        if len(key) < KEY_BYTES_MIN:
            raise ConfigurationError(f"the fingerprint key must have at least {KEY_BYTES_MIN} bytes")
        self._key = key
        self._cache_key = hmac.digest(key, b"gateway_ext.guard cache", hashlib.sha256)

    def of_value(self, value: str) -> str:
        """HMAC-SHA256 (RFC 2104) of the value's normal form in UTF-8, its first 128 bits as 32 hexadecimal digits."""
        return hmac.digest(self._key, value.encode("utf-8", "surrogatepass"), hashlib.sha256)[:16].hex()

    def of_text(self, text: str, profile: bytes) -> bytes:
        """16 bytes of keyed BLAKE2b (RFC 7693): names a text under a profile in the cache without holding it."""
        data = text.encode("utf-8", "surrogatepass")
        return hashlib.blake2b(data, digest_size=16, key=self._cache_key, person=profile).digest()
