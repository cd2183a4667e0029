"""A way between two wire formats by way of a third."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gateway_ext.dialects.translation.contract import Asked, StreamTranslator, Traits, Way
from gateway_ext.errors import NotTranslatable

_FIELD = re.compile(r"\w+")


@dataclass(frozen=True, slots=True)
class Composition:
    """`outer` from the caller's format to the middle one, `inner` from there to the provider's.

    `words` are the caller's for fields of the middle format, where they differ: refusals name what the caller has written.
    """

    outer: Way
    inner: Way
    words: Mapping[str, str]

    @property
    def way(self) -> Way:
        return Way(self._request, self._answer, self._stream)

    def _request(self, document: Mapping[str, Any], traits: Traits, keeps_unknown: bool) -> dict[str, Any]:
        middle = self.outer.request(document, traits, keeps_unknown)
        try:
            return self.inner.request(middle, traits, keeps_unknown)
        except NotTranslatable as refusal:
            field = _FIELD.match(refusal.param or "")
            name = field[0] if field else "request"
            raise NotTranslatable(self.words.get(name, name), refusal.hint) from None

    def _answer(self, document: Mapping[str, Any], asked: Asked) -> dict[str, Any]:
        return self.outer.answer(self.inner.answer(document, self._asked_between(asked)), asked)

    def _stream(self, asked: Asked) -> StreamTranslator:
        return _Chained(self.inner.stream(self._asked_between(asked)), self.outer.stream(asked))

    def _asked_between(self, asked: Asked) -> Asked:
        """It has been translated before, so there is nothing left to refuse."""
        return Asked(self.outer.request(asked.document, Traits(), True), asked.at_seconds)


class _Chained:
    """What one translator makes of a stream, translated by another."""

    __slots__ = ("_inner", "_outer")

    def __init__(self, inner: StreamTranslator, outer: StreamTranslator) -> None:
        self._inner = inner
        self._outer = outer

    @property
    def next_sequence_number(self) -> int:
        return self._outer.next_sequence_number

    def feed(self, chunk: bytes) -> bytes:
        return self._outer.feed(self._inner.feed(chunk))

    def finish(self) -> bytes:
        return self._outer.feed(self._inner.finish()) + self._outer.finish()
