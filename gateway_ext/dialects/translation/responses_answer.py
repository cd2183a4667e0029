"""A Response, made from a chat completion: from a whole one, or from its chunks, which differs in the events only."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gateway_ext import limits
from gateway_ext.dialects.answers import AnswerMalformed
from gateway_ext.dialects.sse import StreamMalformed
from gateway_ext.dialects.strict_json import encode
from gateway_ext.dialects.translation.chat_pieces import message_of, only_choice
from gateway_ext.dialects.translation.contract import Asked
from gateway_ext.dialects.translation.errors import ProviderError, read_error
from gateway_ext.dialects.translation.responses_frame import repeated
from gateway_ext.dialects.translation.responses_items import Event
from gateway_ext.dialects.translation.responses_output import Output
from gateway_ext.dialects.translation.responses_tools import custom_names
from gateway_ext.dialects.translation.usage import responses_usage
from gateway_ext.dialects.usage import usage_from_document

_INCOMPLETE = {"length": "max_output_tokens", "content_filter": "content_filter"}
"""Why a Response is incomplete, by `finish_reason`."""
_FAILED = "error"  # of servers that have no other way to say so once they have begun

_TRANSLATED = frozenset(["id", "object", "created", "model", "choices", "usage", "obfuscation"])
"""The last is filling, which hides how long the pieces of a stream are."""
_KEY_CHARACTERS_MAX = 64  # of what names the answer and its items: every event has it
_ERROR_CODES = frozenset(["server_error", "rate_limit_exceeded", "invalid_prompt"])
"""Those of a failed Response that are not about pictures or about what OpenAI keeps."""


def response_of(completion: Mapping[str, Any], asked: Asked) -> dict[str, Any]:
    """The Response that says what `completion` does. Raises AnswerMalformed."""
    response = GrowingResponse(asked)
    try:
        if (error := read_error(completion)) is not None:
            response.fail(error)
        elif only_choice(completion) is not None:
            response.see(completion)
            response.end()
        else:
            raise AnswerMalformed("the provider's answer has no choice")
    except StreamMalformed as error:
        raise AnswerMalformed(str(error)) from None
    return response.document


class GrowingResponse:
    """`see` what the provider sends, then `end` it, or `fail`: each returns the events that tell of it, not yet numbered.

    `document` is the Response, complete after that. Raises StreamMalformed for what is no chat completion, and past
    limits.RESPONSE_BODY_BYTES_MAX.
    """

    __slots__ = ("_asked", "_besides", "_besides_bytes", "_finish_reason", "_output", "document")

    def __init__(self, asked: Asked) -> None:
        self._asked = asked
        self._output = Output("", frozenset())
        self._besides: dict[str, Any] = {}  # what chat completions do not know, so it goes along as it is
        self._besides_bytes = 0
        self._finish_reason = ""
        self.document: dict[str, Any] = {}

    @property
    def is_complete(self) -> bool:
        """Whether the provider has said why it ended."""
        return self._finish_reason != ""

    def see(self, completion: Mapping[str, Any]) -> list[Event]:
        """A chunk, or a whole chat completion."""
        choice = only_choice(completion)
        usage = usage_from_document(completion) if completion.get("usage") else None
        self._keep_besides(completion)
        events = self._begin(completion) if choice is not None or usage is not None else []
        if usage is not None:
            self.document["usage"] = responses_usage(usage)
        if choice is not None:
            events += self._output.add(choice, message_of(choice))
            if isinstance(reason := choice.get("finish_reason"), str):
                self._finish_reason = reason
                events += self._output.end(self._status)
        return events

    def end(self) -> list[Event]:
        """The provider has ended."""
        if self._finish_reason == _FAILED:
            return self.fail(ProviderError("The provider failed while it answered."))
        begun = self._begin({})
        if reason := _INCOMPLETE.get(self._finish_reason):
            self.document["incomplete_details"] = {"reason": reason}
        return [*begun, *self._close(self._status)]

    @property
    def _status(self) -> str:
        return "incomplete" if self._finish_reason in (*_INCOMPLETE, _FAILED) else "completed"

    def _begin(self, completion: Mapping[str, Any]) -> list[Event]:
        if self.document:
            return []
        asked, given = self._asked, completion.get("id")
        name = given if isinstance(given, str) and given else str(asked.at_seconds)
        key = name.removeprefix("chatcmpl-")[:_KEY_CHARACTERS_MAX]
        created, model = completion.get("created"), completion.get("model")
        self._output = Output(key, custom_names(asked.document))
        self.document = {
            "id": f"resp_{key}",
            "object": "response",
            "created_at": created if type(created) is int else asked.at_seconds,
            "status": "in_progress",
            "error": None,
            "incomplete_details": None,
            "model": model if isinstance(model, str) and model else asked.model,
            "output": [],
            "usage": None,
            **repeated(asked.document),
        }
        return [self._told("response.created"), self._told("response.in_progress")]

    def _close(self, status: str) -> list[Event]:
        ended = self._output.end(status if status == "completed" else "incomplete")
        self.document |= {"status": status, "output": self._output.documents}
        self.document = self._besides | self.document
        return [*ended, self._told(f"response.{status}")]

    def fail(self, error: ProviderError) -> list[Event]:
        """The Response that failed, for those who wait for one; and an event that makes OpenAI's clients raise."""
        begun = self._begin({})
        code = error.code if error.code in _ERROR_CODES else "server_error"
        self.document["error"] = {"code": code, "message": error.message}
        said = {"message": error.message, "param": error.param or None, "code": error.code or None}
        event = {"type": "error", **said, "error": {"type": error.kind or "server_error", **said}}
        return [*begun, *self._close("failed"), event]

    def _told(self, kind: str) -> Event:
        return {"type": kind, "response": dict(self.document)}

    def _keep_besides(self, completion: Mapping[str, Any]) -> None:
        for name, value in completion.items():
            before = self._besides.get(name)
            if name in _TRANSLATED or value in (None, before):
                continue
            self._besides_bytes += len(encode(value)) + (len(name) if before is None else -len(encode(before)))
            if self._besides_bytes > limits.RESPONSE_BODY_BYTES_MAX:
                raise StreamMalformed("the provider's answer is larger than the gateway accepts")
            self._besides[name] = value
