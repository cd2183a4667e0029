"""From texts to hashed byte n-grams, for all texts of a request at once.

Texts are laid out behind one another with NULs between them, so that no n-gram spans two texts and those at the
beginning and end of a text are told from those inside. Every position begins one 4-gram and one 8-gram.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

SIZES = (4, 8)
BUCKET_BITS = 15  # two tables of 32,768 words of 8 bytes stay in the second-level cache
BLOCK = 256  # positions that are summed up together
WINDOW_BLOCKS = 4

_GAP = b"\0" * (max(SIZES) - 1)
# Letters in lower case, digits and white space each alike.
_FOLDED = bytes.maketrans(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ\t\n\v\f\r123456789", b"abcdefghijklmnopqrstuvwxyz     000000000")
# Multiply-shift hashing (Dietzfelbinger et al. 1997): odd multipliers, of which the high bits of the product are kept.
# That of the shorter is shifted, so that the bytes behind the shorter n-gram do not count.
_MULTIPLIER_SHORT = np.uint64(0xC2B2AE3D27D4EB4F << 8 * (8 - SIZES[0]) & 0xFFFF_FFFF_FFFF_FFFF)
_MULTIPLIER_8 = np.uint64(0x9E3779B97F4A7C15)
_SHIFT = np.uint64(64 - BUCKET_BITS)

Buckets = npt.NDArray[np.int64]


def hashed(buffer: bytes, start: int, end: int) -> tuple[Buckets, Buckets]:
    """Buckets of the 4-grams and the 8-grams that begin at each position of `[start, end)`."""
    eights = np.ndarray((end - start,), "<u8", buffer, offset=start, strides=(1,)).copy()
    fours = eights * _MULTIPLIER_SHORT
    fours >>= _SHIFT
    eights *= _MULTIPLIER_8
    eights >>= _SHIFT
    return fours.view(np.int64), eights.view(np.int64)


@dataclass(frozen=True, slots=True)
class Layout:
    """Where texts and their blocks lie in `buffer`. The regions of texts tile it, save its last 7 bytes.

    `block_starts` has one entry more than there are blocks; `first_blocks` one more than there are texts.
    """

    buffer: bytes
    block_starts: Buckets
    first_blocks: Buckets

    @classmethod
    def of(cls, texts: Sequence[bytes]) -> Layout:
        buffer = b"".join((_GAP, _GAP.join(texts), _GAP)).translate(_FOLDED)
        # In lists, because most requests have few blocks, and every call of NumPy costs a microsecond.
        starts: list[int] = []
        first_blocks = [0]
        region = 0
        for text in texts:
            after = region + len(text) + len(_GAP)
            starts += range(region, after, BLOCK)
            first_blocks.append(len(starts))
            region = after
        starts.append(region)
        return cls(buffer, np.array(starts, np.int64), np.array(first_blocks, np.int64))

    def windows(self) -> tuple[Buckets, Buckets]:
        """First block and block behind the last of each window: WINDOW_BLOCKS blocks, or a whole shorter text."""
        starts: list[int] = []
        ends: list[int] = []
        for first, behind in pairwise(self.first_blocks.tolist()):
            starts += range(first, max(first, behind - WINDOW_BLOCKS) + 1)
            ends += range(min(first + WINDOW_BLOCKS, behind), behind + 1)
        return np.array(starts, np.int64), np.array(ends, np.int64)

    def bytes_of(self, texts: Buckets, starts: Buckets, ends: Buckets) -> tuple[Buckets, Buckets]:
        """The bytes of texts, `[from, to)`, that the blocks `[start, end)` read (beyond the end of one, perhaps)."""
        regions = self.block_starts[self.first_blocks[texts]] + len(_GAP)
        return np.maximum(self.block_starts[starts] - regions, 0), self.block_starts[ends] - regions + len(_GAP)
