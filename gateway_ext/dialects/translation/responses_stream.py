"""Chunks of a chat completion as events of a Response."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from gateway_ext.dialects.translation.contract import Asked
from gateway_ext.dialects.translation.errors import ProviderError
from gateway_ext.dialects.translation.events import EventTranslator, typed_event
from gateway_ext.dialects.translation.responses_answer import GrowingResponse
from gateway_ext.dialects.translation.responses_items import Event


class EventsOfResponse(EventTranslator):
    """A StreamTranslator. Events are numbered from 0."""

    __slots__ = ("_response", "next_sequence_number")

    def __init__(self, asked: Asked) -> None:
        super().__init__()
        self._response = GrowingResponse(asked)
        self.next_sequence_number = 0

    def _translated(self, document: dict[str, Any]) -> bytes:
        return self._written(self._response.see(document))

    def _failed(self, error: ProviderError) -> bytes:
        return self._written(self._response.fail(error))

    def _ended(self) -> bytes:
        return self._written(self._response.end())

    def _stopped(self) -> bytes:
        """Some servers leave the end mark out."""
        return self._ended() if self._response.is_complete else b""

    def _written(self, events: Iterable[Event]) -> bytes:
        written: list[bytes] = []
        for event in events:
            written.append(typed_event({"type": event["type"], "sequence_number": self.next_sequence_number, **event}))
            self.next_sequence_number += 1
        return b"".join(written)
