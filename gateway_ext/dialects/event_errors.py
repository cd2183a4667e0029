"""How a stream ends that must not go on: an event that each dialect's clients take for an error, and nothing after it."""

from __future__ import annotations

from gateway_ext.dialects.strict_json import encode
from gateway_ext.exchange import Endpoint

_MESSAGES = "/v1/messages"


def blocked_events(
    endpoint: str, message: str, code: str, *, kind: str = "policy_violation", sequence_number: int = 0
) -> bytes:
    """What to send instead of the rest of a stream of `endpoint`, given by its path.

    Chat completions and completions: OpenAI's error object as data, then the end mark. Responses: its `error` event, flat
    as documented and with the error object that makes OpenAI's clients raise. Messages: Anthropic's `error` event, whose
    types are its own. `code` and `kind` are those of the Refusal (errors.py) that says why.
    """
    error = {"message": message, "type": kind, "param": None, "code": code}
    if endpoint == _MESSAGES:
        kind = "permission_error" if kind == "policy_violation" else "api_error"
        return _typed({"type": "error", "error": {"type": kind, "message": message, "code": code}})
    if endpoint == Endpoint.RESPONSES:
        flat = {"code": code, "message": message, "param": None, "sequence_number": sequence_number}
        return _typed({"type": "error", **flat, "error": error})
    return b"data: " + encode({"error": error}) + b"\n\ndata: [DONE]\n\n"


def _typed(document: dict[str, object]) -> bytes:
    return b"event: error\ndata: " + encode(document) + b"\n\n"
