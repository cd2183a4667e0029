"""Answers of /v1/messages: the whole message, the named events of its stream, and errors, as Anthropic shapes them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from gateway_ext.simulator.model import Generation

_ERROR_TYPES = {
    401: "authentication_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    529: "overloaded_error",
}


def usage(generation: Generation) -> dict[str, Any]:
    """What was read from and written to the cache is not among the input tokens of this dialect."""
    written, written_1h = generation.tokens_of("cache_write"), generation.tokens_of("cache_write_1h")
    return {
        "input_tokens": generation.input_tokens - generation.cached_tokens - written,
        "cache_creation_input_tokens": written,
        "cache_read_input_tokens": generation.cached_tokens,
        "cache_creation": {"ephemeral_5m_input_tokens": written - written_1h, "ephemeral_1h_input_tokens": written_1h},
        "output_tokens": generation.output_tokens,
        "service_tier": "standard",
    }


def message(generation: Generation) -> dict[str, Any]:
    """The whole answer."""
    return _head(generation) | {
        "content": [_block(generation, generation.text)],
        "stop_reason": _stop_reason(generation),
        "usage": usage(generation),
    }


def message_events(generation: Generation) -> Iterator[dict[str, Any]]:
    """The events of a stream in order: a message, its one block with a delta per piece, the end. Both ends report usage; the last counts."""
    counts = usage(generation)
    yield {"type": "message_start", "message": _head(generation) | {"usage": counts | {"output_tokens": 1}}}
    yield {"type": "content_block_start", "index": 0, "content_block": _block(generation, None)}
    yield {"type": "ping"}
    for piece in generation.pieces:
        yield {"type": "content_block_delta", "index": 0, "delta": _delta(generation, piece)}
    yield {"type": "content_block_stop", "index": 0}
    ended = {"stop_reason": _stop_reason(generation), "stop_sequence": None}
    yield {"type": "message_delta", "delta": ended, "usage": counts}
    yield {"type": "message_stop"}


def without_usage(document: dict[str, Any]) -> dict[str, Any]:
    """A message or an event of a stream as a provider sends it that does not say what it used."""
    if "message" in document:
        return document | {"message": without_usage(document["message"])}
    return {name: value for name, value in document.items() if name != "usage"}


def error(http_status: int, text: str) -> dict[str, Any]:
    """Anthropic's error object."""
    kind = _ERROR_TYPES.get(http_status, "invalid_request_error" if http_status < 500 else "api_error")
    return {"type": "error", "error": {"type": kind, "message": text}, "request_id": "req_simulated"}


def _head(generation: Generation) -> dict[str, Any]:
    return {
        "id": f"msg_{generation.id}",
        "type": "message",
        "role": "assistant",
        "model": generation.model,
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
    }


def _block(generation: Generation, said: str | None) -> dict[str, Any]:
    """The one block of the answer: a text, or the use of a tool. `said` None = nothing yet."""
    if generation.tool_name is None:
        return {"type": "text", "text": said or ""}
    arguments = json.loads(said) if said is not None and not generation.is_cut else {}
    return {"type": "tool_use", "id": f"toolu_{generation.id}", "name": generation.tool_name, "input": arguments}


def _delta(generation: Generation, piece: str) -> dict[str, Any]:
    if generation.tool_name is None:
        return {"type": "text_delta", "text": piece}
    return {"type": "input_json_delta", "partial_json": piece}


def _stop_reason(generation: Generation) -> str:
    if generation.is_cut:
        return "max_tokens"
    return "end_turn" if generation.tool_name is None else "tool_use"
