"""Requests of the Responses API as requests of chat completions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gateway_ext.dialects.translation.contract import Traits
from gateway_ext.dialects.translation.fields import Members, Reader
from gateway_ext.dialects.translation.responses_input import chat_messages
from gateway_ext.dialects.translation.responses_tools import chat_tool, chat_tool_choice

_AS_THEY_ARE = ("model", "temperature", "top_p", "stream")

_LEFT_OUT = """
    max_tool_calls metadata prompt_cache_key prompt_cache_options prompt_cache_retention safety_identifier service_tier
    store user
"""
"""Hints to the provider about who asks, what to keep and how to bill; and a bound on tools that are refused."""

_KEPT_ELSEWHERE = ("previous_response_id", "conversation", "prompt")
_ONLY: Mapping[str, tuple[object, ...]] = {
    "access_programs": (),
    "background": (False,),
    "context_management": ([],),
    "image": (),
    "moderation": (),
    "truncation": ("disabled",),
}
"""What a server of the Responses API does and others do not, with the values that ask for nothing."""

_LOGPROBS = "message.output_text.logprobs"
_INCLUDABLE = frozenset(
    [
        _LOGPROBS,
        "code_interpreter_call.outputs",
        "computer_call_output.output.image_url",
        "file_search_call.results",
        "message.input_image.image_url",
        "reasoning.encrypted_content",
        "web_search_call.action.sources",
        "web_search_call.results",
    ]
)
"""All but the first are of items that no answer has here: there is nothing to include."""


def chat_request(document: Mapping[str, Any], traits: Traits, keeps_unknown: bool) -> dict[str, Any]:
    """`document` as chat completions say it. Raises NotTranslatable."""
    request = Members(document, "", Reader(keeps_unknown))
    for name in _KEPT_ELSEWHERE:
        if request.take(name) is not None:
            request.refuse(name, "nothing is kept here, so send it all in 'input' and 'instructions'")
    for name, harmless in _ONLY.items():
        request.only(name, *harmless)
    request.leave_out(*_LEFT_OUT.split())
    chat = {
        **request.given(*_AS_THEY_ARE),
        "messages": chat_messages(request),
        **_tools(request),
        **_logprobs(request),
        **_form(request.optional_object("text")),
        **_reasoning(request.optional_object("reasoning")),
    }
    if (tokens := request.take("max_output_tokens")) is not None:
        chat[traits.chat_output_field] = tokens
    if (options := request.optional_object("stream_options")) is not None:
        options.leave_out("include_obfuscation")
        options.end()
    if chat.get("stream"):
        chat["stream_options"] = {"include_usage": True}  # a Response always reports it
    return request.onto(chat)


def _tools(request: Members) -> dict[str, Any]:
    tools = [chat_tool(tool) for tool in request.objects("tools")]
    parallel = request.given("parallel_tool_calls")
    if not tools:  # servers refuse what is said about tools where there are none
        request.only("tool_choice", "auto", "none")
        return {}
    choice = request.take("tool_choice")
    if choice is not None and not isinstance(choice, str):
        choice, tools = chat_tool_choice(request.reader.object(choice, "tool_choice"), tools)
    return {"tools": tools, **parallel} | ({} if choice is None else {"tool_choice": choice})


def _logprobs(request: Members) -> dict[str, Any]:
    """Probabilities of tokens: asked for by name in `include`, or by the number of alternatives."""
    included = request.take("include") or []
    if not isinstance(included, list):
        request.refuse("include", "it must be a list")
    for name in included:
        if not isinstance(name, str) or name not in _INCLUDABLE:
            request.refuse("include", "it asks for something that chat completions cannot include")
    alternatives = request.take("top_logprobs")
    if _LOGPROBS not in included and not alternatives:
        return {}
    return {"logprobs": True} | ({} if alternatives is None else {"top_logprobs": alternatives})


def _form(text: Members | None) -> dict[str, Any]:
    if text is None:
        return {}
    said = text.given("verbosity")
    form = text.optional_object("format")
    text.end()
    if form is None:
        return said
    match form.text("type"):
        case "json_schema":
            schema = {"name": form.text("name"), **form.given("description", "schema", "strict")}
            return said | {"response_format": {"type": "json_schema", "json_schema": form.onto(schema)}}
        case "json_object":
            said["response_format"] = {"type": "json_object"}
        case kind if kind != "text":
            form.refuse("type", "it must be text, json_object or json_schema")
    form.end()
    return said


def _reasoning(reasoning: Members | None) -> dict[str, Any]:
    """How much to think. A summary cannot be asked for: what a server tells of its thinking is passed on anyway."""
    if reasoning is None:
        return {}
    effort = reasoning.take("effort")
    reasoning.leave_out("summary", "generate_summary")
    reasoning.only("context", "auto", "current_turn")
    reasoning.only("mode", "standard")
    reasoning.end()
    return {} if effort is None else {"reasoning_effort": effort}
