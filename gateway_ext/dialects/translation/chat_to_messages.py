"""Callers of chat completions, models of Anthropic's dialect."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gateway_ext.dialects.translation import formats, messages_answer, thinking, tools
from gateway_ext.dialects.translation.chat_turns import Turns, shortened
from gateway_ext.dialects.translation.contract import Traits, Way
from gateway_ext.dialects.translation.fields import Members, Reader
from gateway_ext.dialects.translation.messages_stream import ChunksFromMessages

_WITHOUT_EFFECT = (
    "metadata",
    "prediction",
    "prompt_cache_key",
    "prompt_cache_options",
    "prompt_cache_retention",
    "safety_identifier",
    "service_tier",
    "store",
    "user",
)


def _request(document: Mapping[str, Any], traits: Traits, keeps_unknown: bool) -> dict[str, Any]:
    request = Members(document, "", Reader(keeps_unknown))
    request.leave_out(*_WITHOUT_EFFECT)
    _refuse_what_has_no_counterpart(request)
    turns = Turns(request)
    max_tokens = _max_tokens(request)
    translated: dict[str, Any] = {"model": request.take("model"), "max_tokens": max_tokens}
    if turns.system:
        translated["system"] = shortened(turns.system)
    translated["messages"] = turns.messages
    translated |= _sampling(request) | tools.to_messages(request)
    translated |= _thinking_and_form(request, traits, max_tokens)
    return request.onto(translated)


def _refuse_what_has_no_counterpart(request: Members) -> None:
    """But for values that say no more than their absence does."""
    request.only("n", 1)
    for name in ("frequency_penalty", "presence_penalty", "top_logprobs"):
        request.only(name, 0)
    request.only("logprobs", False)
    request.only("logit_bias", {})
    request.only("modalities", ["text"])
    request.only("moderation")
    request.only("verbosity", "medium")
    request.only("functions", [])
    request.only("function_call", "none", "auto")


def _max_tokens(request: Members) -> int:
    """The dialect demands it, and the gateway sets it where the caller does not."""
    older, newer = request.take("max_tokens"), request.take("max_completion_tokens")
    limit = older if newer is None else newer
    if type(limit) is not int:
        request.refuse("max_completion_tokens", "it must be given")
    return limit


def _sampling(request: Members) -> dict[str, Any]:
    translated = {name: value for name in ("stream", "top_p") if (value := request.take(name)) is not None}
    if (options := request.optional_object("stream_options")) is not None:
        options.leave_out("include_usage", "include_obfuscation")  # of the stream to the caller
        options.end()
    temperature = request.take("temperature")
    if temperature is not None:
        if not isinstance(temperature, int | float) or not 0 <= temperature <= 1:
            request.refuse("temperature", "it must be from 0 to 1")
        translated["temperature"] = temperature
    stop = request.take("stop")
    sequences = [stop] if isinstance(stop, str) else stop or []
    if not isinstance(sequences, list) or not all(
        isinstance(sequence, str) and sequence.strip() for sequence in sequences
    ):
        request.refuse("stop", "each must have more in it than white space")
    return {**translated, "stop_sequences": sequences} if sequences else translated


def _thinking_and_form(request: Members, traits: Traits, max_tokens: int) -> dict[str, Any]:
    translated: dict[str, Any] = {}
    output_config: dict[str, Any] = {}
    if (effort := request.optional_text("reasoning_effort")) is not None:
        translated["thinking"], output_config = thinking.to_messages(effort, traits.thinking, max_tokens)
    if (form := formats.to_messages(request.optional_object("response_format"))) is not None:
        output_config["format"] = form
    return {**translated, "output_config": output_config} if output_config else translated


WAY = Way(request=_request, answer=messages_answer.completion, stream=ChunksFromMessages)
