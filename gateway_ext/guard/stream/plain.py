"""What a word reads without its disguise."""

from __future__ import annotations

import unicodedata


def plain(text: str) -> str:
    """`text` without invisible characters, in normal form NFKC (Unicode Standard Annex #15)."""
    if text.isascii():
        return text
    visible = "".join(character for character in text if unicodedata.category(character) != "Cf")
    return unicodedata.normalize("NFKC", visible)
