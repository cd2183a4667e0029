"""Why an answer ended: OpenAI's `finish_reason` and Anthropic's `stop_reason`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gateway_ext.dialects.translation.contract import Asked

_FINISH_REASONS = {
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "pause_turn": "length",  # not complete either, and nobody but a Messages client could go on
    "tool_use": "tool_calls",
    "refusal": "content_filter",
}
_STOP_REASONS = {
    "length": "max_tokens",
    "tool_calls": "tool_use",
    "function_call": "tool_use",
    "content_filter": "refusal",
}


def finish_reason(stop_reason: object) -> str:
    """Any other: the answer has ended by itself, or at a stop sequence, which OpenAI does not tell apart."""
    return _FINISH_REASONS.get(stop_reason, "stop") if isinstance(stop_reason, str) else "stop"


def stop_reason(finish_reason: object, sequence: str | None, *, calls_tools: bool, refuses: bool) -> str:
    """`sequence`: what stop_sequence() tells. Some servers say `stop` for tool calls as well, and OpenAI for refusals."""
    reason = _STOP_REASONS.get(finish_reason, "end_turn") if isinstance(finish_reason, str) else "end_turn"
    if reason != "end_turn":
        return reason
    if calls_tools:
        return "tool_use"
    return "refusal" if refuses else "stop_sequence" if sequence is not None else reason


def stop_sequence(choice: Mapping[str, Any], asked: Asked) -> str | None:
    """The sequence at which a choice of chat completions ended. vLLM says so; of others it stays unknown."""
    said = choice.get("stop_reason")
    return said if isinstance(said, str) and said in (asked.document.get("stop_sequences") or ()) else None
