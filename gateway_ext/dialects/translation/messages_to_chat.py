"""Callers of Messages, models of OpenAI's dialect."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gateway_ext.dialects.translation import chat_answer, formats, thinking, tools
from gateway_ext.dialects.translation.chat_stream import EventsFromChat
from gateway_ext.dialects.translation.contract import Traits, Way
from gateway_ext.dialects.translation.fields import Members, Reader
from gateway_ext.dialects.translation.messages_turns import chat_messages

_WITHOUT_EFFECT = ("cache_control", "diagnostics", "metadata", "service_tier", "speed")
_FORGETS_THOUGHTS = "clear_thinking_"  # of earlier turns, which are left out in any case


def _request(document: Mapping[str, Any], traits: Traits, keeps_unknown: bool) -> dict[str, Any]:
    request = Members(document, "", Reader(keeps_unknown))
    request.leave_out(*_WITHOUT_EFFECT)
    request.only("mcp_servers", [])
    request.only("user_profile_id")
    request.only("workspace_id")
    _check_context_management(request)
    max_tokens = request.take("max_tokens")
    if type(max_tokens) is not int or max_tokens < 1:
        request.refuse("max_tokens", "it must be at least 1")
    translated: dict[str, Any] = {"model": request.take("model"), traits.chat_output_field: max_tokens}
    translated["messages"] = chat_messages(request)
    for name in ("temperature", "top_p"):
        if (value := request.take(name)) is not None:
            translated[name] = value
    if stop := request.take("stop_sequences"):
        translated["stop"] = stop
    if request.flag("stream"):
        translated |= {
            "stream": True,
            "stream_options": {"include_usage": True},
        }  # every stream of Messages ends with it
    translated |= tools.to_chat(request) | _thinking_and_form(request, max_tokens)
    return request.onto(translated)


def _check_context_management(request: Members) -> None:
    if (management := request.optional_object("context_management")) is None:
        return
    for edit in management.objects("edits"):
        if not edit.text("type").startswith(_FORGETS_THOUGHTS):
            edit.refuse("type", "only thoughts of earlier turns can be cleared")
        edit.leave_out("keep")
        edit.end()
    management.end()


def _thinking_and_form(request: Members, max_tokens: int) -> dict[str, Any]:
    output_config = request.optional_object("output_config")
    effort, form = None, request.optional_object("output_format")  # the latter's name in earlier versions
    if output_config is not None:
        effort = output_config.optional_text("effort")
        if form is None:
            form = output_config.optional_object("format")
        output_config.end()
    translated: dict[str, Any] = {}
    if (effort := thinking.to_chat(request.optional_object("thinking"), effort, max_tokens)) is not None:
        translated["reasoning_effort"] = effort
    if (response_format := formats.to_chat(form)) is not None:
        translated["response_format"] = response_format
    return translated


WAY = Way(request=_request, answer=chat_answer.message, stream=EventsFromChat)
