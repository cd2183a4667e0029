"""A reading of a text with one byte for each code point: case and diacritics off, everything but letters and digits a space.

Offsets in it are offsets in the text, and searching bytes is several times faster than searching characters. Letters
that have no ASCII base share the bytes above 0x7F, so a match on such bytes has to be verified with `letters`.
"""

from __future__ import annotations

import unicodedata
from contextlib import suppress
from functools import cache, lru_cache

import numpy as np
from numpy.typing import NDArray

SPACE = 0x20

_PIECE_CHARACTERS = 1 << 16  # bounds the memory that a piece takes as UTF-32
_OUTSIDE = 0x10000  # beyond the basic plane: emoji, historic scripts; mathematical letters are the folded view's matter

# Marks are parts of words in many scripts; those of Latin, Greek and Cyrillic stand alone in decomposed text only.
_DIACRITICS = frozenset(map(chr, range(0x300, 0x370)))

# Letters with a stroke, and the dotless i, which have no canonical decomposition.
_STROKES = str.maketrans("łøđħŧıɨƀɓƶ", "lodhtiibbz")


@lru_cache(maxsize=4096)
def _letter(character: str) -> str:
    """One character for one: its lower-case base letter, or a space."""
    is_mark = unicodedata.category(character)[0] == "M" and character not in _DIACRITICS
    if not (character.isalnum() or is_mark):
        return " "
    base = unicodedata.normalize("NFD", character)[0]
    caseless = base.casefold()
    if len(caseless) != 1:  # ß and ligatures stay one character
        caseless = base.lower()[0]
    return caseless.translate(_STROKES)


def _byte(character: str) -> int:
    letter = _letter(character)
    return ord(letter) if letter.isascii() else 0x80 | ord(letter) & 0x7F


_LATIN_1 = bytes(_byte(chr(code)) for code in range(256))


@cache
def _bytes_of_plane() -> NDArray[np.uint8]:
    table = np.full(_OUTSIDE + 1, SPACE, np.uint8)
    table[:_OUTSIDE] = [_byte(chr(code)) for code in range(_OUTSIDE)]
    return table


def folded(text: str) -> bytes:
    """As many bytes as `text` has code points."""
    with suppress(UnicodeEncodeError):  # several times as fast
        return text.encode("latin-1").translate(_LATIN_1)
    table = _bytes_of_plane()
    return b"".join(
        table.take(_codes(text[start : start + _PIECE_CHARACTERS]), mode="clip").tobytes()
        for start in range(0, len(text), _PIECE_CHARACTERS)
    )


def _codes(text: str) -> NDArray[np.uint32]:
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.dtype("<u4"))


def letters(text: str) -> str:
    """The same folding without the loss of letters to bytes, as long as `text`. For short texts: it is slow."""
    return "".join(map(_letter, text))
