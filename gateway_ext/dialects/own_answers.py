"""Answers of the gateway itself, in the form that clients of the endpoint expect."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from gateway_ext.dialects.strict_json import encode
from gateway_ext.errors import ContextLengthExceeded, Refusal
from gateway_ext.exchange import Endpoint

# Anthropic's types go with the status (its API reference, "Errors"); all of 5xx but these are `api_error`.
_ANTHROPIC_TYPES = {
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
}


def models_answer(names: Sequence[str], created: int, owner: str) -> bytes:
    """The list of models as GET /v1/models has it at OpenAI and at Anthropic, whose members do not collide: one for both.

    `created` is in Unix seconds.
    """
    ends = {"first_id": names[0], "last_id": names[-1]} if names else {"first_id": None, "last_id": None}
    models = [_model(name, created, owner) for name in names]
    return encode({"object": "list", "data": models, "has_more": False, **ends})


def model_answer(name: str, created: int, owner: str) -> bytes:
    """One of them, as GET /v1/models/{model} has it."""
    return encode(_model(name, created, owner))


def _model(name: str, created: int, owner: str) -> dict[str, object]:
    created_at = datetime.fromtimestamp(created, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")  # RFC 3339
    openais = {"object": "model", "created": created, "owned_by": owner}
    anthropics = {"type": "model", "display_name": name, "created_at": created_at, "lifecycle": "active"}
    return {"id": name, **openais, **anthropics}


def token_count(input_tokens: int) -> bytes:
    """What Anthropic's POST /v1/messages/count_tokens answers."""
    return encode({"input_tokens": input_tokens})


def error_body(path: str, refusal: Refusal, request_id: str) -> bytes:
    """The error object for a request to `path`, which clients turn into exceptions.

    OpenAI's, or Anthropic's for the Messages API, with the gateway's `code` and `param` besides.
    """
    said = {"message": str(refusal), "param": refusal.param, "code": refusal.code}
    if path.startswith(Endpoint.MESSAGES):
        kind = anthropic_error_type(refusal.http_status)
        if isinstance(refusal, ContextLengthExceeded):  # its clients read the counts, and shorten what they send
            said["message"] = refusal.as_messages_say
        return encode({"type": "error", "error": {"type": kind, **said}, "request_id": request_id})
    return encode({"error": {"type": refusal.kind, **said}})


def anthropic_error_type(http_status: int) -> str:
    """The `type` of Anthropic's error object."""
    return _ANTHROPIC_TYPES.get(http_status, "invalid_request_error" if http_status < 500 else "api_error")
