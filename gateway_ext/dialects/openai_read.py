"""Requests in OpenAI's dialect, read: what is asked for, within which bounds, and which texts they carry."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gateway_ext import limits
from gateway_ext.dialects import output_limits
from gateway_ext.dialects.needs import needs_of
from gateway_ext.dialects.openai_schema import OPENAI
from gateway_ext.dialects.request_fields import check_items, flag, integer, model_name, refuse_lookalikes
from gateway_ext.dialects.request_texts import texts_of
from gateway_ext.dialects.strict_json import parse_object
from gateway_ext.errors import BodyInvalid
from gateway_ext.exchange import Endpoint, Prompt

_CONTINUATIONS = ("previous_response_id", "conversation")


def read_prompt(endpoint: Endpoint, body: bytes) -> Prompt:
    """The request in `body` (JSON, no content coding). Raises BodyInvalid; its `param` names the field to repair.

    Only what the gateway decides on is checked. Fields it does not know stay as they are; their texts are read, too.
    """
    document = parse_object(body)
    refuse_lookalikes(document, OPENAI)
    model = model_name(document)
    choices = _check_input(endpoint, document) * max(
        integer(document, "n", limits.CHOICES_MAX) or 1, integer(document, "best_of", limits.CHOICES_MAX) or 1
    )
    if choices > limits.CHOICES_MAX:
        raise BodyInvalid("The request asks for too many choices.", param="n")
    is_stream = flag(document, "stream") and endpoint is not Endpoint.EMBEDDINGS
    return Prompt(
        endpoint=endpoint,
        model=model,
        document=document,
        texts=texts_of(document, OPENAI),
        is_stream=is_stream,
        asked_for_usage=_includes_usage(document) or endpoint is Endpoint.RESPONSES,
        output_tokens_asked=_output_tokens(endpoint, document, choices),
        choices=choices,
        body_bytes=len(body),
        has_token_ids=_has_token_ids(endpoint, document),
        continues_elsewhere=any(document.get(field) is not None for field in _CONTINUATIONS),
        needs=needs_of(endpoint, document),
    )


def _includes_usage(document: Mapping[str, Any]) -> bool:
    options = document.get("stream_options")
    if options is None:
        return False
    if not isinstance(options, dict):
        raise BodyInvalid("'stream_options' must be an object.", param="stream_options")
    return flag(options, "include_usage")


def _output_tokens(endpoint: Endpoint, document: Mapping[str, Any], choices: int) -> int | None:
    if endpoint is Endpoint.EMBEDDINGS:
        return 0
    tokens = output_limits.asked(endpoint, document)
    return None if tokens is None else tokens * choices


def _check_input(endpoint: Endpoint, document: Mapping[str, Any]) -> int:
    """How many prompts the request has: more than one only in a batch of completions."""
    match endpoint:
        case Endpoint.CHAT_COMPLETIONS:
            check_items(document.get("messages"), "messages")
            return 1
        case Endpoint.COMPLETIONS:
            return _count_inputs(document["prompt"], "prompt") if document.get("prompt") is not None else 1
        case Endpoint.EMBEDDINGS:
            _count_inputs(document.get("input"), "input")
            return 1
        case Endpoint.RESPONSES:
            if not isinstance(document.get("input"), str | None):
                check_items(document["input"], "input")
            return 1
    raise ValueError("this endpoint takes no prompt")


def _has_token_ids(endpoint: Endpoint, document: Mapping[str, Any]) -> bool:
    field = {Endpoint.COMPLETIONS: "prompt", Endpoint.EMBEDDINGS: "input"}.get(endpoint)
    value = document.get(field) if field else None
    return isinstance(value, list) and not isinstance(value[0], str)


def _count_inputs(value: object, field: str) -> int:
    """A text, a list of token ids, or a batch of either."""
    if isinstance(value, str):
        return 1
    if isinstance(value, list):
        kinds = set(map(type, value))
        if kinds == {int}:
            return 1
        if kinds == {str} or (kinds == {list} and all(set(map(type, tokens)) == {int} for tokens in value)):
            return len(value)
    raise BodyInvalid(f"'{field}' must be a string, a list of strings, or lists of token ids.", param=field)
