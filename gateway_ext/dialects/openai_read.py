"""Requests in OpenAI's dialect, read: what is asked for, within which bounds, and which texts they carry."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gateway_ext import limits
from gateway_ext.dialects.openai_schema import INTERPRETED_FIELDS, KNOWN_KEYS
from gateway_ext.dialects.openai_texts import texts_of
from gateway_ext.dialects.strict_json import parse_object
from gateway_ext.errors import BodyInvalid
from gateway_ext.exchange import Endpoint, Prompt

_OUTPUT_FIELDS = ("max_completion_tokens", "max_tokens", "max_output_tokens")


def read_prompt(endpoint: Endpoint, body: bytes) -> Prompt:
    """The request in `body` (JSON, no content coding). Raises BodyInvalid; its `param` names the field to repair.

    Only what the gateway decides on is checked. Fields it does not know stay as they are; their texts are read, too.
    """
    document = parse_object(body)
    _refuse_lookalikes(document)
    model = _model(document)
    choices = _check_input(endpoint, document) * max(
        _positive(document, "n", limits.CHOICES_MAX) or 1, _positive(document, "best_of", limits.CHOICES_MAX) or 1
    )
    if choices > limits.CHOICES_MAX:
        raise BodyInvalid("The request asks for too many choices.", param="n")
    is_stream = _flag(document, "stream") and endpoint is not Endpoint.EMBEDDINGS
    return Prompt(
        endpoint=endpoint,
        model=model,
        document=document,
        texts=texts_of(document),
        is_stream=is_stream,
        asked_for_usage=_includes_usage(document) or endpoint is Endpoint.RESPONSES,
        output_tokens_asked=0 if endpoint is Endpoint.EMBEDDINGS else _output_tokens(document, choices),
        choices=choices,
        body_bytes=len(body),
        has_token_ids=_has_token_ids(endpoint, document),
    )


def _refuse_lookalikes(document: Mapping[str, Any]) -> None:
    """Refuse `Model` beside or instead of `model`: some servers match names regardless of case, so theirs would count."""
    for key in document:
        if key not in KNOWN_KEYS and (field := key.casefold()) in INTERPRETED_FIELDS:
            raise BodyInvalid(f"The name of the field '{field}' must be written in lower case.", param=field)


def _model(document: Mapping[str, Any]) -> str:
    model = document.get("model")
    if not isinstance(model, str) or not model.strip():
        raise BodyInvalid("'model' must name a model.", param="model")
    if len(model) > limits.MODEL_NAME_CHARACTERS_MAX:
        raise BodyInvalid("'model' is too long to be the name of a model.", param="model")
    return model


def _flag(document: Mapping[str, Any], field: str) -> bool:
    value = document.get(field)
    if value is not None and not isinstance(value, bool):
        raise BodyInvalid(f"'{field}' must be true or false.", param=field)
    return value is True


def _positive(document: Mapping[str, Any], field: str, maximum: int) -> int | None:
    value = document.get(field)
    if value is None:
        return None
    if type(value) is not int or not 1 <= value <= maximum:
        raise BodyInvalid(f"'{field}' must be an integer from 1 to {maximum}.", param=field)
    return value


def _includes_usage(document: Mapping[str, Any]) -> bool:
    options = document.get("stream_options")
    if options is None:
        return False
    if not isinstance(options, dict):
        raise BodyInvalid("'stream_options' must be an object.", param="stream_options")
    return _flag(options, "include_usage")


def _output_tokens(document: Mapping[str, Any], choices: int) -> int | None:
    """The largest of the synonyms given, as it depends on the provider which one counts. None when there is none."""
    asked = [_positive(document, field, limits.OUTPUT_TOKENS_ASKED_MAX) for field in _OUTPUT_FIELDS]
    return max((tokens * choices for tokens in asked if tokens is not None), default=None)


def _check_input(endpoint: Endpoint, document: Mapping[str, Any]) -> int:
    """How many prompts the request has: more than one only in a batch of completions."""
    match endpoint:
        case Endpoint.CHAT_COMPLETIONS:
            _check_items(document.get("messages"), "messages")
            return 1
        case Endpoint.COMPLETIONS:
            return _count_inputs(document["prompt"], "prompt") if document.get("prompt") is not None else 1
        case Endpoint.EMBEDDINGS:
            _count_inputs(document.get("input"), "input")
            return 1
        case Endpoint.RESPONSES:
            if not isinstance(document.get("input"), str | None):
                _check_items(document["input"], "input")
            return 1
    raise ValueError("this endpoint takes no prompt")


def _has_token_ids(endpoint: Endpoint, document: Mapping[str, Any]) -> bool:
    field = {Endpoint.COMPLETIONS: "prompt", Endpoint.EMBEDDINGS: "input"}.get(endpoint)
    value = document.get(field) if field else None
    return isinstance(value, list) and not isinstance(value[0], str)


def _check_items(items: object, field: str) -> None:
    if not isinstance(items, list) or not items or not all(type(item) is dict for item in items):
        raise BodyInvalid(f"'{field}' must be a list of objects, with at least one.", param=field)


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
