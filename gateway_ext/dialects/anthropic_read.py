"""Requests to Anthropic's Messages API, read: what is asked for, within which bounds, and which texts they carry."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gateway_ext.dialects import output_limits
from gateway_ext.dialects.anthropic_schema import ANTHROPIC
from gateway_ext.dialects.needs import needs_of
from gateway_ext.dialects.request_fields import check_items, flag, model_name, refuse_lookalikes
from gateway_ext.dialects.request_texts import texts_of
from gateway_ext.dialects.strict_json import parse_object
from gateway_ext.errors import BodyInvalid
from gateway_ext.exchange import Endpoint, Prompt


def read_prompt(endpoint: Endpoint, body: bytes) -> Prompt:
    """The request in `body` (JSON, no content coding). Raises BodyInvalid; its `param` names the field to repair.

    Only what the gateway decides on is checked. Fields it does not know stay as they are; their texts are read, too.
    """
    if endpoint.about is not Endpoint.MESSAGES:
        raise ValueError("this endpoint takes no messages of this dialect")
    document = parse_object(body)
    refuse_lookalikes(document, ANTHROPIC)
    check_items(document.get("messages"), "messages")
    if document.get("fallbacks") is not None:
        raise BodyInvalid("'fallbacks' would let the provider choose a model that policy did not.", param="fallbacks")
    return Prompt(
        endpoint=endpoint,
        model=model_name(document),
        document=document,
        texts=texts_of(document, ANTHROPIC),
        is_stream=flag(document, "stream") and endpoint is Endpoint.MESSAGES,
        asked_for_usage=True,  # every answer and every stream of this dialect reports it
        output_tokens_asked=_output_tokens(endpoint, document),
        choices=1,
        body_bytes=len(body),
        output_tokens_least=_thinking_tokens(document) + 1,
        needs=needs_of(endpoint, document),
    )


def _thinking_tokens(document: Mapping[str, Any]) -> int:
    """What may be thought, which must be less than `max_tokens`."""
    thinking = document.get("thinking")
    tokens = thinking.get("budget_tokens") if isinstance(thinking, dict) else None
    return tokens if type(tokens) is int and tokens > 0 else 0


def _output_tokens(endpoint: Endpoint, document: Mapping[str, Any]) -> int:
    """Required by the dialect of what is to be answered. 0 only fills the provider's cache."""
    if endpoint is Endpoint.COUNT_TOKENS:
        return 0
    tokens = output_limits.asked(Endpoint.MESSAGES, document, minimum=0)
    if tokens is None:
        raise BodyInvalid("'max_tokens' must say how many tokens the answer may have.", param="max_tokens")
    return tokens
