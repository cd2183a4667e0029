"""What all streams have in common that are made from a provider's events: cutting, reading, errors, the end."""

from __future__ import annotations

from abc import ABC, abstractmethod
from contextlib import suppress
from typing import Any

import orjson

from gateway_ext.dialects.sse import SseEvent, SseParser, StreamMalformed
from gateway_ext.dialects.strict_json import encode
from gateway_ext.dialects.translation.errors import ProviderError, read_error
from gateway_ext.dialects.usage import StreamMeter
from gateway_ext.exchange import Usage

DONE = b"data: [DONE]\n\n"
"""The end mark of OpenAI's streams."""


def data_event(document: dict[str, Any]) -> bytes:
    """As OpenAI's chat completions have it."""
    return b"data: " + encode(document) + b"\n\n"


def typed_event(document: dict[str, Any]) -> bytes:
    """As Anthropic has it."""
    return f"event: {document['type']}\ndata: ".encode() + encode(document) + b"\n\n"


class EventTranslator(ABC):
    """A StreamTranslator. Nothing goes out after an error or the end mark; comments are passed over, as clients do."""

    __slots__ = ("_has_ended", "_meter", "_parser")

    next_sequence_number: int = 0  # neither dialect numbers its events

    def __init__(self) -> None:
        self._parser = SseParser()
        self._meter = StreamMeter(asked_for_usage=True)
        self._has_ended = False

    def feed(self, chunk: bytes) -> bytes:
        return b"".join([self._read(event) for event in self._parser.feed(chunk)])

    def finish(self) -> bytes:
        last = b""
        with suppress(StreamMalformed):  # the last event was cut off, or only lacks its blank line
            if (event := self._parser.finish_event()) is not None:
                last = self._read(event)
        return last if self._has_ended else last + self._stopped()

    @property
    def _usage(self) -> Usage | None:
        return self._meter.usage

    def _read(self, event: SseEvent) -> bytes:
        if self._has_ended or not event.data.strip():
            return b""
        if event.data.strip() == b"[DONE]":
            self._has_ended = True
            return self._ended()
        document = _document(event.data)
        if (error := read_error(document)) is not None:
            self._has_ended = True
            return self._failed(error)
        self._meter.see(event, document)
        return self._translated(document)

    @abstractmethod
    def _translated(self, document: dict[str, Any]) -> bytes:
        """One event. Raises StreamMalformed."""

    @abstractmethod
    def _failed(self, error: ProviderError) -> bytes:
        """The provider says that it cannot go on."""

    @abstractmethod
    def _ended(self) -> bytes:
        """OpenAI's end mark has come."""

    @abstractmethod
    def _stopped(self) -> bytes:
        """No more comes, and nothing has marked the end."""


def _document(data: bytes) -> dict[str, Any]:
    try:
        document = orjson.loads(data)
    except orjson.JSONDecodeError:
        document = None
    if not isinstance(document, dict):
        raise StreamMalformed("the provider sent an event that is no JSON object")
    return document
