"""Errors of providers, in the caller's dialect. Status and words stay; types and codes are those that clients look for."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from gateway_ext.dialects.answers import AnswerMalformed, read_answer
from gateway_ext.dialects.own_answers import anthropic_error_type
from gateway_ext.dialects.strict_json import encode
from gateway_ext.exchange import Endpoint

_TOO_LONG = "prompt is too long"  # Anthropic says so and has no code for it; its clients look for these words
_CONTEXT_LENGTH_EXCEEDED = "context_length_exceeded"  # OpenAI's code for the same

# OpenAI's `type` for each of Anthropic's. Where they differ, Anthropic's becomes the `code`.
_OPENAI_TYPES = {
    "invalid_request_error": "invalid_request_error",
    "request_too_large": "invalid_request_error",
    "not_found_error": "invalid_request_error",
    "authentication_error": "authentication_error",
    "permission_error": "permission_error",
    "billing_error": "insufficient_quota",
    "rate_limit_error": "rate_limit_error",
    "timeout_error": "server_error",
    "api_error": "server_error",
    "overloaded_error": "server_error",
}
# Anthropic's for each of OpenAI's, and of those that compatible servers use, where no status tells it.
_ANTHROPIC_TYPES = {
    **{kind: kind for kind in _OPENAI_TYPES},
    "policy_violation": "permission_error",
    "insufficient_quota": "rate_limit_error",
    "rate_limit_exceeded": "rate_limit_error",
    "tokens": "rate_limit_error",
    "requests": "rate_limit_error",
    "BadRequestError": "invalid_request_error",
}
_STATUS_TYPES = {402: "billing_error", 504: "timeout_error", 529: "overloaded_error"}


@dataclass(frozen=True, slots=True)
class ProviderError:
    """`kind` is its `type`. All but the message may be empty."""

    message: str
    kind: str = ""
    code: str = ""
    param: str = ""


def read_error(document: Mapping[str, Any]) -> ProviderError | None:
    """The error in an answer or a stream event of any dialect, compatible servers' included; None when there is none."""
    error = document.get("error")
    if isinstance(error, str):  # Ollama, Text Generation Inference
        return ProviderError(error, _word(document.get("error_type")))
    if not isinstance(error, dict):
        error = document if document.get("object") == "error" or document.get("type") == "error" else None
    if error is None:
        return None
    words = {name: _word(error.get(name)) for name in ("type", "code", "param")}
    return ProviderError(_word(error.get("message")), words["type"], words["code"], words["param"])


def error_body(source: Endpoint, body: bytes, http_status: int) -> bytes:
    """A provider's error answer for callers of `source`. One that cannot be read becomes one that names its status."""
    error = None
    with suppress(AnswerMalformed):
        error = read_error(read_answer(body))
    if error is None or not error.message:
        error = ProviderError(f"The provider answered with status {http_status}.")
    kind = _STATUS_TYPES.get(http_status) or anthropic_error_type(http_status)
    if source is Endpoint.MESSAGES:
        return encode(messages_error(error, kind))
    return encode({"error": chat_error(error, kind)})


def chat_error(error: ProviderError, anthropic_type: str = "") -> dict[str, Any]:
    """OpenAI's error object. `anthropic_type` stands in for a type that is not Anthropic's."""
    given = error.kind if error.kind in _OPENAI_TYPES else anthropic_type
    kind = _OPENAI_TYPES.get(given, "server_error")
    code = error.code or (given if given != kind else "")
    if _TOO_LONG in error.message.casefold():
        code = _CONTEXT_LENGTH_EXCEEDED
    return {"message": error.message, "type": kind, "param": error.param or None, "code": code or None}


def messages_error(error: ProviderError, anthropic_type: str = "") -> dict[str, Any]:
    """Anthropic's error, as an answer and as a stream's event, with OpenAI's code and param besides."""
    message = error.message
    if error.code == _CONTEXT_LENGTH_EXCEEDED and _TOO_LONG not in message.casefold():
        message = f"{_TOO_LONG}: {message}"
    said = {"type": anthropic_type or _ANTHROPIC_TYPES.get(error.kind, "api_error"), "message": message}
    besides = {name: value for name, value in (("code", error.code), ("param", error.param)) if value}
    return {"type": "error", "error": {**said, **besides}}


def _word(value: object) -> str:
    return value if isinstance(value, str) else str(value) if type(value) is int else ""
