"""From a request's bytes to the answer's bytes, without I/O: the whole of the simulated API in one function."""

from __future__ import annotations

import base64
import json
import struct
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

from gateway_ext.simulator import completions, messages, questions, responses
from gateway_ext.simulator.model import Generation, InvalidRequestError, Question, generate, pieces_of, vector

MODELS = ("sim-small", "sim-large", "sim-embedding")
MESSAGES = "/v1/messages"
COUNT_TOKENS = "/v1/messages/count_tokens"
ANTHROPICS = frozenset({MESSAGES, COUNT_TOKENS})
VECTOR_DIMENSIONS = 64
VECTOR_DIMENSIONS_MAX = 4_096
CHOICES_MAX = 16

_QUESTIONS: Mapping[str, Callable[[Mapping[str, Any]], Question]] = {
    "/v1/chat/completions": questions.chat_question,
    "/v1/completions": questions.completion_question,
    "/v1/responses": questions.responses_question,
    MESSAGES: questions.messages_question,
}
POSTED = frozenset({*_QUESTIONS, "/v1/embeddings", COUNT_TOKENS})


@dataclass(frozen=True, slots=True)
class Whole:
    """One JSON document. `tokens` is what generating it took, for pacing."""

    body: bytes
    tokens: int = 0


@dataclass(frozen=True, slots=True)
class Stream:
    """Server-sent events, one encoded event each."""

    frames: tuple[bytes, ...]


def answer(
    endpoint: str,
    body: bytes,
    deployment: str,
    with_usage: bool = True,
    token_characters: int = 0,
    with_limit: bool = True,
    kinds: Mapping[str, int] = MappingProxyType({}),
) -> Whole | Stream:
    """Answer a POST to one of POSTED. Raises InvalidRequestError.

    `with_usage=False` leaves the usage out, `with_limit=False` passes over the limit of the output. `token_characters` and
    `kinds` as in generate.
    """
    document = read(body)
    if endpoint == "/v1/embeddings":
        return _whole(_embeddings(document, deployment), with_usage, tokens=0)
    if endpoint == COUNT_TOKENS:
        return Whole(encode(_token_count(document, deployment, body)))
    question = _QUESTIONS[endpoint](document)
    if not with_limit:
        question = replace(question, output_tokens_max=None)
    generation = generate(question, deployment, body, token_characters, kinds)
    if document.get("stream") is True:
        return Stream(tuple(_frames(endpoint, document, generation, with_usage)))
    return _whole(_document(endpoint, document, generation), with_usage, generation.output_tokens)


def billed_error(endpoint: str, body: bytes, deployment: str, kinds: Mapping[str, int]) -> dict[str, Any]:
    """An error, and beside it the usage of the answer that it takes the place of. Raises InvalidRequestError."""
    document = read(body)
    if endpoint == COUNT_TOKENS:
        whole: dict[str, Any] = {"usage": None}  # counting uses nothing
    elif endpoint == "/v1/embeddings":
        whole = _embeddings(document, deployment)
    else:
        whole = _document(endpoint, document, generate(_QUESTIONS[endpoint](document), deployment, body, kinds=kinds))
    return error(endpoint, 400, "Stopped by a filter (simulated).", "invalid_request_error") | {"usage": whole["usage"]}


def read(body: bytes) -> dict[str, Any]:
    """The request's document. Raises InvalidRequestError."""
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        raise InvalidRequestError("the body is not valid JSON") from None
    if not isinstance(document, dict):
        raise InvalidRequestError("the body must be a JSON object")
    return document


def models(deployment: str) -> dict[str, Any]:
    """GET /v1/models."""
    created = completions.CREATED_UNIX_SECONDS
    data = [{"id": name, "object": "model", "created": created, "owned_by": deployment} for name in MODELS]
    return {"object": "list", "data": data}


def error(
    endpoint: str, http_status: int, message: str, kind: str, code: str | None = None, param: str | None = None
) -> dict[str, Any]:
    """OpenAI's error object, or Anthropic's, whose type goes with the status."""
    if endpoint in ANTHROPICS:
        return messages.error(http_status, message)
    return {"error": {"message": message, "type": kind, "param": param, "code": code}}


def encode(document: Mapping[str, Any]) -> bytes:
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")


def _document(endpoint: str, document: Mapping[str, Any], generation: Generation) -> dict[str, Any]:
    if endpoint == "/v1/responses":
        return responses.response(generation)
    if endpoint == MESSAGES:
        return messages.message(generation)
    whole = completions.chat_completion if endpoint == "/v1/chat/completions" else completions.completion
    return whole(generation, _choices(document))


def _frames(endpoint: str, document: dict[str, Any], generation: Generation, with_usage: bool) -> Iterable[bytes]:
    if endpoint == "/v1/responses":
        for event in responses.response_events(generation):
            if not with_usage and "response" in event:
                event["response"] = event["response"] | {"usage": None}
            yield _named(event)
        return
    if endpoint == MESSAGES:
        for event in messages.message_events(generation):
            yield _named(event if with_usage else messages.without_usage(event))
        return
    asked = document.get("stream_options")
    include_usage = with_usage and isinstance(asked, dict) and asked.get("include_usage") is True
    chunks = completions.chat_chunks if endpoint == "/v1/chat/completions" else completions.completion_chunks
    for chunk in chunks(generation, _choices(document), include_usage):
        yield b"data: " + encode(chunk) + b"\n\n"
    yield b"data: [DONE]\n\n"


def _named(event: Mapping[str, Any]) -> bytes:
    return f"event: {event['type']}\n".encode() + b"data: " + encode(event) + b"\n\n"


def _whole(document: dict[str, Any], with_usage: bool, tokens: int) -> Whole:
    if not with_usage:
        document.pop("usage")
    return Whole(encode(document), tokens)


def _choices(document: Mapping[str, Any]) -> int:
    choices = document.get("n")
    if choices is None:
        return 1
    if not isinstance(choices, int) or not 1 <= choices <= CHOICES_MAX:
        raise InvalidRequestError(f"n must be an integer from 1 to {CHOICES_MAX}", "n")
    return choices


def _embeddings(document: Mapping[str, Any], deployment: str) -> dict[str, Any]:
    given = document.get("input")
    texts = [given] if isinstance(given, str) else given
    if not isinstance(texts, list) or not texts or not all(isinstance(text, str) for text in texts):
        raise InvalidRequestError("input must be a string or a list of strings", "input")
    if not isinstance(document.get("model"), str):
        raise InvalidRequestError("model must be a string", "model")
    dimensions = document.get("dimensions", VECTOR_DIMENSIONS)
    if not isinstance(dimensions, int) or not 1 <= dimensions <= VECTOR_DIMENSIONS_MAX:
        raise InvalidRequestError(f"dimensions must be an integer from 1 to {VECTOR_DIMENSIONS_MAX}", "dimensions")
    vectors = [vector(text, dimensions) for text in texts]
    is_base64 = document.get("encoding_format") == "base64"
    shown = [_base64(values) if is_base64 else values for values in vectors]
    tokens = sum(len(pieces_of(text)) for text in texts)
    return {
        "object": "list",
        "model": document["model"],
        "system_fingerprint": deployment,
        "data": [{"object": "embedding", "index": index, "embedding": value} for index, value in enumerate(shown)],
        "usage": {"prompt_tokens": tokens, "total_tokens": tokens},
    }


def _token_count(document: Mapping[str, Any], deployment: str, body: bytes) -> dict[str, int]:
    """As many as the message would be told to have used."""
    question = questions.messages_question({**document, "max_tokens": 0})
    return {"input_tokens": generate(question, deployment, body).input_tokens}


def _base64(values: list[float]) -> str:
    """Little-endian 32-bit floats in base64, as OpenAI's SDKs ask for."""
    return base64.b64encode(struct.pack(f"<{len(values)}f", *values)).decode()
