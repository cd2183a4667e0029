"""Answers of /v1/chat/completions and /v1/completions: whole documents and stream chunks, as OpenAI shapes them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from gateway_ext.simulator.model import Generation

CREATED_UNIX_SECONDS = 1_735_689_600  # answers are deterministic, so all of them were "created" at the start of 2025


def usage(generation: Generation) -> dict[str, Any]:
    return {
        "prompt_tokens": generation.input_tokens,
        "completion_tokens": generation.output_tokens,
        "total_tokens": generation.input_tokens + generation.output_tokens,
        "prompt_tokens_details": {
            "cached_tokens": generation.cached_tokens,
            **_told(
                generation, cache_write_tokens="cache_write", audio_tokens="audio_input", image_tokens="image_input"
            ),
        },
        "completion_tokens_details": {
            "reasoning_tokens": generation.tokens_of("reasoning"),
            **_told(generation, audio_tokens="audio_output", image_tokens="image_output"),
        },
    }


def _told(generation: Generation, **kinds: str) -> dict[str, int]:
    """Members for those kinds that the deployment was told to report."""
    return {member: generation.kinds[kind] for member, kind in kinds.items() if kind in generation.kinds}


def chat_completion(generation: Generation, choices: int) -> dict[str, Any]:
    """The whole answer; `choices` times the same."""
    message: dict[str, Any] = {"role": "assistant", "content": generation.text, "refusal": None}
    if generation.tool_name is not None:
        message |= {"content": None, "tool_calls": [_tool_call(generation, generation.text)]}
    choice = {"message": message, "logprobs": None, "finish_reason": _finish_reason(generation)}
    return _head(generation, "chat.completion") | {
        "choices": [{"index": index, **choice} for index in range(choices)],
        "usage": usage(generation),
    }


def chat_chunks(generation: Generation, choices: int, include_usage: bool) -> Iterator[dict[str, Any]]:
    """Chunks of a stream: a role, one per piece, a finish reason for each choice; usage last when asked for."""
    head = _head(generation, "chat.completion.chunk") | ({"usage": None} if include_usage else {})
    for index in range(choices):
        yield head | {"choices": [_delta(index, {"role": "assistant", "content": ""})]}
        for position, piece in enumerate(generation.pieces):
            yield head | {"choices": [_delta(index, _piece(generation, position, piece))]}
        yield head | {"choices": [_delta(index, {}) | {"finish_reason": _finish_reason(generation)}]}
    if include_usage:
        yield head | {"choices": [], "usage": usage(generation)}


def completion(generation: Generation, choices: int) -> dict[str, Any]:
    """The whole answer of the older endpoint."""
    choice = {"text": generation.text, "logprobs": None, "finish_reason": _finish_reason(generation)}
    return _head(generation, "text_completion") | {
        "choices": [{"index": index, **choice} for index in range(choices)],
        "usage": usage(generation),
    }


def completion_chunks(generation: Generation, choices: int, include_usage: bool) -> Iterator[dict[str, Any]]:
    head = _head(generation, "text_completion") | ({"usage": None} if include_usage else {})
    for index in range(choices):
        for piece in generation.pieces:
            yield head | {"choices": [{"index": index, "text": piece, "logprobs": None, "finish_reason": None}]}
        last = {"index": index, "text": "", "logprobs": None, "finish_reason": _finish_reason(generation)}
        yield head | {"choices": [last]}
    if include_usage:
        yield head | {"choices": [], "usage": usage(generation)}


def _head(generation: Generation, kind: str) -> dict[str, Any]:
    prefix = "cmpl" if kind == "text_completion" else "chatcmpl"
    return {
        "id": f"{prefix}-{generation.id}",
        "object": kind,
        "created": CREATED_UNIX_SECONDS,
        "model": generation.model,
        "system_fingerprint": generation.deployment,
    }


def _delta(index: int, delta: dict[str, Any]) -> dict[str, Any]:
    return {"index": index, "delta": delta, "logprobs": None, "finish_reason": None}


def _piece(generation: Generation, position: int, piece: str) -> dict[str, Any]:
    if generation.tool_name is None:
        return {"content": piece}
    if position == 0:
        return {"tool_calls": [{"index": 0, **_tool_call(generation, piece)}]}
    return {"tool_calls": [{"index": 0, "function": {"arguments": piece}}]}


def _tool_call(generation: Generation, arguments: str) -> dict[str, Any]:
    function = {"name": generation.tool_name, "arguments": arguments}
    return {"id": f"call_{generation.id}", "type": "function", "function": function}


def _finish_reason(generation: Generation) -> str:
    if generation.is_cut:
        return "length"
    return "stop" if generation.tool_name is None else "tool_calls"
