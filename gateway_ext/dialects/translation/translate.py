"""Requests from one wire format into another, and answers back: sans-IO, and never with anything lost on the way unsaid.

docs/dialects.md has for every field what becomes of it: translated, left out on purpose, or refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gateway_ext.dialects.answers import read_answer
from gateway_ext.dialects.strict_json import encode
from gateway_ext.dialects.translation import (
    chat_to_messages,
    messages_to_chat,
    responses_to_chat,
    responses_to_messages,
)
from gateway_ext.dialects.translation.contract import Asked, StreamTranslator, Traits, Way
from gateway_ext.dialects.translation.errors import error_body
from gateway_ext.exchange import Endpoint

_WAYS: Mapping[tuple[Endpoint, Endpoint], Way] = {
    (Endpoint.CHAT_COMPLETIONS, Endpoint.MESSAGES): chat_to_messages.WAY,
    (Endpoint.MESSAGES, Endpoint.CHAT_COMPLETIONS): messages_to_chat.WAY,
    (Endpoint.RESPONSES, Endpoint.CHAT_COMPLETIONS): responses_to_chat.WAY,
    (Endpoint.RESPONSES, Endpoint.MESSAGES): responses_to_messages.WAY,
}

_USUAL = Traits()


@dataclass(frozen=True, slots=True)
class Translation:
    """What the way back needs: `source` is the caller's wire format, `target` the provider's."""

    source: Endpoint
    target: Endpoint
    asked: Asked

    @property
    def model_asked(self) -> str:
        return self.asked.model

    def answer(self, body: bytes, http_status: int) -> bytes:
        """A provider's whole answer, or its error, as JSON for the caller. Raises AnswerMalformed.

        Of an error (400 and above) nothing is demanded: what cannot be read becomes one that names its status. Endpoints
        of one dialect have the same errors.
        """
        is_error = http_status >= 400
        if self.source is self.target or (is_error and self.source.dialect is self.target.dialect):
            return body
        if is_error:
            return error_body(self.source, body, http_status)
        return encode(_WAYS[self.source, self.target].answer(read_answer(body), self.asked))

    def stream(self) -> StreamTranslator:
        if self.source is self.target:
            return _Unchanged()
        return _WAYS[self.source, self.target].stream(self.asked)


class _Unchanged:
    next_sequence_number = 0

    def feed(self, chunk: bytes) -> bytes:
        return chunk

    def finish(self) -> bytes:
        return b""


def can_translate(source: Endpoint, target: Endpoint) -> bool:
    return source is target or (source, target) in _WAYS


def translate_request(
    document: Mapping[str, Any],
    source: Endpoint,
    target: Endpoint,
    *,
    keeps_unknown: bool,
    asked_at_seconds: int,
    traits: Traits = _USUAL,
) -> tuple[dict[str, Any], Translation]:
    """The request `document` of `source` in the wire format of `target`, and the way back.

    `keeps_unknown`: fields that no schema of ours knows go along as they are; otherwise they are refused. `document` has
    the provider's name of the model, its limit of output, and `stream_options` as the caller sent them; it is not changed.
    `asked_at_seconds` (Unix time) dates answers of formats that have a date. Raises NotTranslatable, whose `param` names
    the field. Raises KeyError for a pair that can_translate denies.
    """
    translation = Translation(source, target, Asked(document, asked_at_seconds))
    if source is target:
        return dict(document), translation
    return _WAYS[source, target].request(document, traits, keeps_unknown), translation
