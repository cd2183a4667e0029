"""Answers of /v1/responses: the whole document and the typed events of its stream."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from gateway_ext.simulator.completions import CREATED_UNIX_SECONDS
from gateway_ext.simulator.model import Generation


def usage(generation: Generation) -> dict[str, Any]:
    return {
        "input_tokens": generation.input_tokens,
        "input_tokens_details": {
            "cached_tokens": generation.cached_tokens,
            "cache_write_tokens": generation.tokens_of("cache_write"),
        },
        "output_tokens": generation.output_tokens,
        "output_tokens_details": {"reasoning_tokens": generation.tokens_of("reasoning")},
        "total_tokens": generation.input_tokens + generation.output_tokens,
    }


def response(generation: Generation) -> dict[str, Any]:
    """The finished answer."""
    status = "incomplete" if generation.is_cut else "completed"
    return _head(generation) | {
        "status": status,
        "incomplete_details": {"reason": "max_output_tokens"} if generation.is_cut else None,
        "output": [_item(generation, status, generation.text)],
        "usage": usage(generation),
    }


def response_events(generation: Generation) -> Iterator[dict[str, Any]]:
    """The events of a stream in order, numbered by `sequence_number`."""
    for number, event in enumerate(_events(generation)):
        yield {"type": event["type"], "sequence_number": number, **event}


def _events(generation: Generation) -> Iterator[dict[str, Any]]:
    started = _head(generation) | {"status": "in_progress", "output": [], "usage": None}
    yield {"type": "response.created", "response": started}
    yield {"type": "response.in_progress", "response": started}
    yield {"type": "response.output_item.added", "output_index": 0, "item": _item(generation, "in_progress", None)}
    finished = response(generation)
    item = finished["output"][0]
    yield from _text_events(generation, item) if generation.tool_name is None else _tool_events(generation, item)
    yield {"type": "response.output_item.done", "output_index": 0, "item": item}
    yield {"type": f"response.{finished['status']}", "response": finished}


def _text_events(generation: Generation, item: dict[str, Any]) -> Iterator[dict[str, Any]]:
    place = {"item_id": item["id"], "output_index": 0, "content_index": 0}
    yield {"type": "response.content_part.added", **place, "part": _text_part("")}
    for piece in generation.pieces:
        yield {"type": "response.output_text.delta", **place, "delta": piece, "logprobs": []}
    yield {"type": "response.output_text.done", **place, "text": generation.text, "logprobs": []}
    yield {"type": "response.content_part.done", **place, "part": _text_part(generation.text)}


def _tool_events(generation: Generation, item: dict[str, Any]) -> Iterator[dict[str, Any]]:
    place = {"item_id": item["id"], "output_index": 0}
    for piece in generation.pieces:
        yield {"type": "response.function_call_arguments.delta", **place, "delta": piece}
    done = {"name": generation.tool_name, "arguments": generation.text}
    yield {"type": "response.function_call_arguments.done", **place, **done}


def _head(generation: Generation) -> dict[str, Any]:
    return {
        "id": f"resp_{generation.id}",
        "object": "response",
        "created_at": CREATED_UNIX_SECONDS,
        "model": generation.model,
        "system_fingerprint": generation.deployment,
        "error": None,
        "incomplete_details": None,
        "instructions": None,
        "metadata": {},
        "parallel_tool_calls": True,
        "tool_choice": "auto",
        "tools": [],
    }


def _item(generation: Generation, status: str, text: str | None) -> dict[str, Any]:
    """The one item of the output: a message, or a function call. `text` None = nothing said yet."""
    if generation.tool_name is None:
        content = [] if text is None else [_text_part(text)]
        return {
            "type": "message",
            "id": f"msg_{generation.id}",
            "role": "assistant",
            "status": status,
            "content": content,
        }
    return {
        "type": "function_call",
        "id": f"fc_{generation.id}",
        "call_id": f"call_{generation.id}",
        "name": generation.tool_name,
        "arguments": text or "",
        "status": status,
    }


def _text_part(text: str) -> dict[str, Any]:
    return {"type": "output_text", "text": text, "annotations": [], "logprobs": []}
