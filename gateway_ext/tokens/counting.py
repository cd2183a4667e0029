"""Counting the tokens of texts, in time that grows with their length only."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from tiktoken import Encoding

from gateway_ext.tokens.vocabularies import encoding

# The encoder's time grows faster than a run of one kind of characters, so long texts are cut. What a cut may change is added.
PIECE_CHARACTERS = 16_384
CUT_TOKENS = 4


def count(texts: Iterable[str], vocabulary: str) -> int:
    """Tokens of all texts, each on its own; of those above PIECE_CHARACTERS a few more. Blocks: about 0.1 s for a megabyte.

    Raises ConfigurationError for a damaged installation.
    """
    encoder = encoding(vocabulary)
    return sum(count_text(encoder, text)[1] for text in texts)


class CountingLate(Exception):  # noqa: N818  (whoever waits does without)
    """Time was up before a text had been counted."""


def count_text(encoder: Encoding, text: str, is_late: Callable[[], bool] = bool) -> tuple[int, int]:
    """Tokens of a text, at least and at most: the same number up to PIECE_CHARACTERS. Raises CountingLate."""
    tokens = pieces = 0
    for start in range(0, len(text), PIECE_CHARACTERS):
        if is_late():
            raise CountingLate
        tokens += len(encoder.encode_ordinary(text[start : start + PIECE_CHARACTERS]))
        pieces += 1
    may_differ = CUT_TOKENS * pieces if pieces > 1 else 0
    return tokens - may_differ, tokens + may_differ
