"""What all recognizers of the Guard share."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from gateway_ext.guard.lazy_pattern import Pattern

Candidate = tuple[int, int, float]
"""Start, end, confidence."""


class GuardRecognizer:
    """Finds the values of one entity, under Presidio's name if it has one, and decides by format and checksum.

    `PATTERNS` are what the prefilter looks for, `READS_COMPACT` whether texts without separators are looked at, too
    (see Detector). A value may go on for `REACH_CHARACTERS` behind the passage that it begins in.
    """

    ENTITY: str
    PATTERNS: tuple[Pattern, ...]
    READS_COMPACT: bool = False
    REACH_CHARACTERS: ClassVar[int] = 0
    VERSION: ClassVar[str] = "1"

    def candidates(self, text: str) -> Iterator[Candidate]:
        """Confirmed values in `text`, which is a passage and what REACH_CHARACTERS adds to it."""
        raise NotImplementedError

    def normalized(self, value: str) -> str:
        """The form in which equal values are equal."""
        raise NotImplementedError
