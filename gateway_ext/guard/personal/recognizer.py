"""What all recognizers of the Guard share."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, ClassVar

from presidio_analyzer import LocalRecognizer, RecognizerResult

Candidate = tuple[int, int, float]
"""Start, end, confidence."""


class GuardRecognizer(LocalRecognizer):
    """A Presidio recognizer that decides by format and checksum.

    Subclasses must not bear the name of one of Presidio's, whose registry looks recognizers up by class name.
    `PATTERNS` are what the prefilter looks for, `READS_COMPACT` whether texts without separators are looked at, too
    (see Detector). A value may go on for `REACH_CHARACTERS` behind the passage that it begins in.
    """

    ENTITY: str
    PATTERNS: tuple[re.Pattern[str], ...]
    READS_COMPACT: bool = False
    REACH_CHARACTERS: ClassVar[int] = 0
    VERSION: ClassVar[str] = "1"

    def __init__(self) -> None:
        super().__init__(supported_entities=[self.ENTITY], supported_language="any", version=self.VERSION)

    def load(self) -> None:
        """Nothing to load: no model."""

    def analyze(self, text: str, entities: list[str], nlp_artifacts: Any = None) -> list[RecognizerResult]:
        if self.ENTITY not in entities:
            return []
        return [RecognizerResult(self.ENTITY, start, end, score) for start, end, score in self.candidates(text)]

    def candidates(self, text: str) -> Iterator[Candidate]:
        """Confirmed values in `text`, which is a passage and what REACH_CHARACTERS adds to it."""
        raise NotImplementedError

    def normalized(self, value: str) -> str:
        """The form in which equal values are equal."""
        raise NotImplementedError
