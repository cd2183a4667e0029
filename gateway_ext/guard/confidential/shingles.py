"""Winnowed shingles (Schleimer, Wilkerson, Aiken: Winnowing, SIGMOD 2003), which find a copied passage without its text.

A shingle is K letters and digits in a row, case and diacritics off; layout, punctuation and case do not change it. Of
every WINDOW neighbouring shingles of a document at least the one with the least hash is kept, so a passage copied with
WINDOW + K - 1 letters and digits shares at least one with its source, and one of n times that about n.

The hash is a polynomial modulo 2**64 over a secret table of letters at a secret base. Of a kept shingle only its
keyed BLAKE2b (RFC 7693) and 32 middle bits of the polynomial, which a filter needs, are written down.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from gateway_ext.guard.confidential.fold import SPACE, folded

K = 40
WINDOW = 32
SHIFT = np.uint64(
    20
)  # of the 32 bits for the filter: low bits of polynomials are weak, high ones of least hashes alike

_PIECE = 1 << 15  # shingles hashed at once: the tables of powers stay in the processor's cache
_SPACES = bytes([SPACE])

Hashes = NDArray[np.uint64]


@dataclass(frozen=True, slots=True)
class Shingles:
    """The distinct kept shingles of a document, in order of `digests`; two arrays of one length."""

    digests: NDArray[np.uint64] = field(repr=False)
    bits: NDArray[np.uint32] = field(repr=False)


def normalized(reading: bytes) -> bytes:
    """The letters and digits of a folded text."""
    return reading.translate(None, _SPACES)


def offsets(reading: bytes) -> NDArray[np.intp]:
    """For each byte of `normalized(reading)` its place in `reading`, that is its code point. Asked for only on a find."""
    return np.flatnonzero(np.frombuffer(reading, np.uint8) != SPACE)


class Shingler:
    """Hashes shingles under a key: the same text under another key has other shingles."""

    def __init__(self, key: bytes) -> None:
        secret = hashlib.shake_256(b"gateway_ext.guard shingles" + key).digest(256 * 8 + 8 + 32)
        self._letters = np.frombuffer(secret, "<u8", 256).astype(np.uint64)
        self._digest_key = secret[-32:]
        base = int.from_bytes(secret[2048:2056], "little") & ~7 | 5  # 5 modulo 8: of the greatest order
        self._powers = _powers(base, _PIECE + K)
        self._inverses = _powers(pow(base, -1, 1 << 64), _PIECE)

    def hashes(self, letters: bytes) -> Iterator[tuple[int, Hashes]]:
        """The hashes of all shingles of normalised `letters`, piece by piece: place of the first, then one for each."""
        for start in range(0, len(letters) - K + 1, _PIECE):
            piece = np.frombuffer(letters, np.uint8, min(_PIECE + K - 1, len(letters) - start), start)
            sums = np.empty(len(piece) + 1, np.uint64)
            sums[0] = 0
            terms = self._letters.take(piece)
            terms *= self._powers[: len(piece)]
            np.cumsum(terms, out=sums[1:])
            hashes = sums[K:] - sums[:-K]  # of c[i]·b^i + … + c[i+K-1]·b^(i+K-1), whose common factor goes out next
            hashes *= self._inverses[: len(hashes)]
            yield start, hashes

    def digests(self, hashes: Hashes) -> NDArray[np.uint64]:
        """The exact keyed hash of each."""
        data = hashes.astype("<u8").tobytes()
        key, blake2b = self._digest_key, hashlib.blake2b
        whole = b"".join(blake2b(data[at : at + 8], digest_size=8, key=key).digest() for at in range(0, len(data), 8))
        return np.frombuffer(whole, "<u8").astype(np.uint64)

    def winnowed(self, text: str) -> tuple[bytes, Shingles]:
        """The letters of a document, normalised, and what is kept of them."""
        letters = normalized(folded(text))
        every = [hashes for _, hashes in self.hashes(letters)]
        kept = np.unique(_least(np.concatenate(every))) if every else np.empty(0, np.uint64)
        digests, order = np.unique(self.digests(kept), return_index=True)
        return letters, Shingles(digests, bits(kept[order]))


def bits(hashes: Hashes) -> NDArray[np.uint32]:
    """What the filter looks at."""
    return (hashes >> SHIFT).astype(np.uint32)


def _least(hashes: Hashes) -> Hashes:
    """The least of each window, with repeats."""
    if len(hashes) <= WINDOW:
        return np.unique(hashes)[:1]
    parts = []
    for start in range(0, len(hashes) - WINDOW + 1, _PIECE):
        windows = sliding_window_view(hashes[start : start + _PIECE + WINDOW - 1], WINDOW)
        parts.append(np.unique(windows.min(axis=1)))
    return np.concatenate(parts)


def _powers(base: int, count: int) -> Hashes:
    factors = np.full(count, base, np.uint64)
    factors[0] = 1
    powers: Hashes = factors.cumprod(dtype=np.uint64)
    return powers
