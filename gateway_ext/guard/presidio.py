"""The Guard's recognizers for Presidio, so that texts are judged alike where no gateway is: in a data pipeline, a notebook.

Needs `gateway-ext[presidio]`. The gateway itself does without: importing Presidio takes two seconds and 80 MB in each
process, and its engine wants a language model.
"""

from __future__ import annotations

from typing import Any

from presidio_analyzer import LocalRecognizer, RecognizerResult

from gateway_ext.guard.personal.detectors import recognizers
from gateway_ext.guard.personal.recognizer import GuardRecognizer


class OfTheGuard(LocalRecognizer):
    """One recognizer. Confirms by format and checksum, so that no language model and no context words are needed."""

    def __init__(self, recognizer: GuardRecognizer, language: str) -> None:
        self._recognizer = recognizer
        super().__init__([recognizer.ENTITY], supported_language=language, version=recognizer.VERSION)

    def load(self) -> None:
        """Nothing to load."""

    def analyze(self, text: str, entities: list[str], nlp_artifacts: Any = None) -> list[RecognizerResult]:
        """What it finds, if it is asked for its entity."""
        entity = self._recognizer.ENTITY
        if entity not in entities:
            return []
        return [RecognizerResult(entity, start, end, score) for start, end, score in self._recognizer.candidates(text)]


def presidio_recognizers(language: str) -> list[OfTheGuard]:
    """All of the Guard's recognizers, to be added to a RecognizerRegistry for texts of that language."""
    return [OfTheGuard(recognizer, language) for recognizer in recognizers().values()]
