"""What was used, in the words of each dialect. dialects/usage.py reads it from any."""

from __future__ import annotations

from typing import Any

from gateway_ext.exchange import Usage


def chat_usage(usage: Usage) -> dict[str, Any]:
    """OpenAI's `usage` of chat completions: the kinds are parts of the two counts."""
    details_in = {
        "cached_tokens": usage.cached_input_tokens,
        "cache_write_tokens": usage.cache_write_tokens,
        "audio_tokens": usage.audio_input_tokens,
    }
    details_out = {"reasoning_tokens": usage.reasoning_tokens, "audio_tokens": usage.audio_output_tokens}
    return {
        "prompt_tokens": usage.input_tokens,
        "completion_tokens": usage.output_tokens,
        "total_tokens": usage.input_tokens + usage.output_tokens,
        "prompt_tokens_details": details_in,
        "completion_tokens_details": details_out,
    }


def responses_usage(usage: Usage) -> dict[str, Any]:
    """OpenAI's `usage` of a Response, which tells fewer kinds."""
    return {
        "input_tokens": usage.input_tokens,
        "input_tokens_details": {
            "cached_tokens": usage.cached_input_tokens,
            "cache_write_tokens": usage.cache_write_tokens,
        },
        "output_tokens": usage.output_tokens,
        "output_tokens_details": {"reasoning_tokens": usage.reasoning_tokens},
        "total_tokens": usage.input_tokens + usage.output_tokens,
    }


def messages_usage(usage: Usage | None) -> dict[str, Any]:
    """Anthropic's `usage`: what went through the cache is not among the `input_tokens`.

    None is none: the dialect demands the two counts even where the provider says nothing, as when a stream begins.
    """
    if usage is None:
        return {"input_tokens": 0, "output_tokens": 0}
    through_cache = usage.cached_input_tokens + usage.cache_write_tokens
    said: dict[str, Any] = {
        "input_tokens": max(0, usage.input_tokens - through_cache),
        "cache_creation_input_tokens": usage.cache_write_tokens,
        "cache_read_input_tokens": usage.cached_input_tokens,
        "output_tokens": usage.output_tokens,
    }
    if usage.reasoning_tokens:
        said["output_tokens_details"] = {"thinking_tokens": usage.reasoning_tokens}
    return said
