"""Callers of the Responses API, models of Anthropic's dialect: by way of chat completions."""

from __future__ import annotations

from gateway_ext.dialects.translation import chat_to_messages, responses_to_chat
from gateway_ext.dialects.translation.composition import Composition

_WORDS = {
    "messages": "input",
    "max_completion_tokens": "max_output_tokens",
    "max_tokens": "max_output_tokens",
    "reasoning_effort": "reasoning.effort",
    "response_format": "text.format",
    "verbosity": "text.verbosity",
    "logprobs": "include",
}

WAY = Composition(responses_to_chat.WAY, chat_to_messages.WAY, _WORDS).way
