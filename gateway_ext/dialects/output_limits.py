"""The fields by which a request limits the tokens of its answer: reasoning included, of each choice."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gateway_ext import limits
from gateway_ext.dialects.request_fields import integer
from gateway_ext.exchange import Endpoint, Prompt

CHAT_FIELDS = ("max_tokens", "max_completion_tokens")
FIELDS: Mapping[Endpoint, tuple[str, ...]] = {
    Endpoint.CHAT_COMPLETIONS: CHAT_FIELDS,
    Endpoint.COMPLETIONS: ("max_tokens",),
    Endpoint.RESPONSES: ("max_output_tokens",),
    Endpoint.MESSAGES: ("max_tokens",),
}
_ALL_FIELDS = dict.fromkeys(field for fields in FIELDS.values() for field in fields)


def asked(endpoint: Endpoint, document: Mapping[str, Any], minimum: int = 1) -> int | None:
    """The largest limit given, as it depends on the provider which one counts; None when there is none.

    Raises BodyInvalid for a limit that is no number in its bounds, also where only another endpoint knows it.
    """
    given = {field: integer(document, field, limits.OUTPUT_TOKENS_ASKED_MAX, minimum) for field in _ALL_FIELDS}
    own = (given[field] for field in FIELDS.get(endpoint, ()))
    return max((tokens for tokens in own if tokens is not None), default=None)


def changes(prompt: Prompt, tokens: int, chat_field: str) -> dict[str, int]:
    """What to put into the request so that no choice has more than `tokens`; nothing when it says so already.

    The caller's own limits are lowered. Without any the endpoint's field is set, for chat completions `chat_field`.
    """
    fields = FIELDS.get(prompt.endpoint, ())
    own = [field for field in fields if prompt.document.get(field) is not None]
    if fields and not own:
        return {chat_field if prompt.endpoint is Endpoint.CHAT_COMPLETIONS else fields[0]: tokens}
    return {field: tokens for field in own if prompt.document[field] > tokens}
