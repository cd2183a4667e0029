"""Names of people, found by a spaCy model that the operator supplies: none is shipped and none is fetched.

Written for pipelines that mark entities as PERSON or PER, as spaCy's own do. A model takes milliseconds a kilobyte
where everything else of the Guard takes microseconds, so only the parts that lead to entities are run.
"""

from __future__ import annotations

import importlib.util
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from gateway_ext.errors import ConfigurationError
from gateway_ext.guard.catalog import PERSONAL
from gateway_ext.guard.detector import Classifier, Kind, Span
from gateway_ext.guard.personal.names import PERSON_NAME

_LABELS = frozenset({"PERSON", "PER"})
_CONFIDENCE = 0.7  # models of this kind do not say how sure they are
_UNNEEDED = ("parser", "senter", "lemmatizer", "attribute_ruler")
_PIECE_CHARACTERS = 10_000  # tagged at once; memory grows with it, and spaCy refuses a million
_LETTERS_MIN = 2


class PersonNames(Classifier):
    """`model` is the directory of a pipeline as written by spaCy's `to_disk`.

    It is read when the first text comes. Raises ConfigurationError if there is none, or no spaCy.
    """

    def __init__(self, model: Path) -> None:
        if importlib.util.find_spec("spacy") is None:
            raise ConfigurationError("person_name_model needs the extra 'names': pip install 'gateway-ext[names]'")
        if not (model / "config.cfg").is_file():
            raise ConfigurationError(
                f"person_name_model: {model} is not the directory of a spaCy pipeline (config.cfg)"
            )
        self._directory = model
        self._lock = threading.Lock()
        self._pipeline: Any = None
        self.kinds: Sequence[Kind] = (Kind(PERSON_NAME, f"spaCy {model.name}", PERSONAL),)

    def spans(self, texts: Sequence[str]) -> list[list[tuple[int, Span]]]:
        pieces = [(piece, (index, offset)) for index, text in enumerate(texts) for offset, piece in _pieces(text)]
        found: list[list[tuple[int, Span]]] = [[] for _ in texts]
        with self._lock:  # a pipeline keeps strings and caches that threads must not change together
            for document, (index, offset) in self._loaded().pipe(pieces, as_tuples=True):
                found[index].extend((0, span) for span in _people(document, offset))
        return found

    def _loaded(self) -> Any:
        if self._pipeline is None:
            import spacy  # noqa: PLC0415  (half a second and much memory, for those who configure a model)

            self._pipeline = spacy.load(self._directory, exclude=list(_UNNEEDED))
        return self._pipeline


def _pieces(text: str) -> Iterator[tuple[int, str]]:
    """`text` in pieces cut at white space where there is any."""
    start = 0
    while start < len(text):
        end = start + _PIECE_CHARACTERS
        if end < len(text):
            space = max(text.rfind(" ", start, end), text.rfind("\n", start, end))
            end = space + 1 if space > start else end
        yield start, text[start:end]
        start = end


def _people(document: Any, offset: int) -> Iterator[Span]:
    for entity in document.ents:
        if entity.label_ in _LABELS and sum(map(str.isalpha, entity.text)) >= _LETTERS_MIN:
            value = " ".join(entity.text.casefold().split())
            yield Span(offset + entity.start_char, offset + entity.end_char, _CONFIDENCE, value)
