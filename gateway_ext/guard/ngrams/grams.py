"""From texts to hashed byte n-grams, for all texts of a request at once.

Texts are laid out behind one another with NULs between them, so that no n-gram spans two texts and those at the
beginning and end of a text are told from those inside. Every position begins one 4-gram and one 8-gram.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

SIZES = (4, 8)
BUCKET_BITS = 15  # a table of 32,768 weights of 8 bytes stays in the second-level cache
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
        if len(texts) == 1:  # most requests: a fifth of the time
            length = len(buffer) - len(_GAP)
            starts = np.arange(0, length + BLOCK, BLOCK)
            starts[-1] = length
            return cls(buffer, starts, np.array((0, len(starts) - 1)))
        lengths = np.fromiter(map(len, texts), np.int64, len(texts)) + len(_GAP)
        regions = np.zeros(len(texts) + 1, np.int64)
        np.cumsum(lengths, out=regions[1:])
        counts = -(-lengths // BLOCK)
        first_blocks = np.zeros(len(texts) + 1, np.int64)
        np.cumsum(counts, out=first_blocks[1:])
        blocks = np.arange(first_blocks[-1] + 1)
        # The last entry is the end of the last region: it counts as the first block of a text behind the last.
        offsets = regions - BLOCK * first_blocks
        starts = BLOCK * blocks + np.append(np.repeat(offsets[:-1], counts), offsets[-1])
        return cls(buffer, starts, first_blocks)

    def windows(self) -> tuple[Buckets, Buckets]:
        """First block and block behind the last of each window: WINDOW_BLOCKS blocks, or a whole shorter text."""
        count = len(self.block_starts) - 1
        if len(self.first_blocks) == 2:
            starts = np.arange(max(1, count - WINDOW_BLOCKS + 1))
            return starts, np.minimum(starts + WINDOW_BLOCKS, count)
        blocks = np.arange(count)
        ends_of_texts = np.repeat(self.first_blocks[1:], np.diff(self.first_blocks))
        is_whole = blocks + WINDOW_BLOCKS <= ends_of_texts
        is_whole[self.first_blocks[:-1]] = True
        starts = blocks[is_whole]
        return starts, np.minimum(starts + WINDOW_BLOCKS, ends_of_texts[is_whole])

    def bytes_of(self, texts: Buckets, starts: Buckets, ends: Buckets) -> tuple[Buckets, Buckets]:
        """The bytes of texts, `[from, to)`, that the blocks `[start, end)` read (beyond the end of one, perhaps)."""
        regions = self.block_starts[self.first_blocks[texts]] + len(_GAP)
        return np.maximum(self.block_starts[starts] - regions, 0), self.block_starts[ends] - regions + len(_GAP)
