"""The tools that a request offers, and how the model is to choose among them."""

from __future__ import annotations

from typing import Any

from gateway_ext.dialects.translation.fields import Members

_CHOICES = {"auto": "auto", "required": "any", "none": "none"}
"""Anthropic's `type` for each of OpenAI's words."""
_WORDS = {kind: word for word, kind in _CHOICES.items()}


def to_messages(request: Members) -> dict[str, Any]:
    """`tools` and `tool_choice` of a Messages request."""
    tools = [_messages_tool(tool) for tool in request.objects("tools")]
    choice = _messages_choice(request)
    is_serial = request.take("parallel_tool_calls") is False
    if not tools:
        if choice is not None and choice["type"] not in ("auto", "none"):
            request.refuse("tool_choice", "there are no tools")
        return {}
    if is_serial and choice != {"type": "none"}:
        choice = {**(choice or {"type": "auto"}), "disable_parallel_tool_use": True}
    return {"tools": tools} if choice is None else {"tools": tools, "tool_choice": choice}


def to_chat(request: Members) -> dict[str, Any]:
    """`tools`, `tool_choice` and `parallel_tool_calls` of a chat completion."""
    tools = [_chat_tool(tool) for tool in request.objects("tools")]
    choice = request.optional_object("tool_choice")
    if choice is None:
        return {"tools": tools} if tools else {}
    kind = choice.text("type")
    is_serial = choice.flag("disable_parallel_tool_use")
    if kind == "tool":
        word: Any = {"type": "function", "function": {"name": choice.text("name")}}
    else:
        word = _WORDS.get(kind) or choice.refuse("type")
    choice.end()
    if not tools:
        return {} if kind in ("auto", "none") else request.refuse("tool_choice", "there are no tools")
    return {"tools": tools, "tool_choice": word, **({"parallel_tool_calls": False} if is_serial else {})}


def _messages_tool(tool: Members) -> dict[str, Any]:
    if tool.text("type") != "function":
        tool.refuse("type", "only functions are understood")
    function = tool.object("function")
    translated: dict[str, Any] = {"name": function.text("name")}
    if (description := function.optional_text("description")) is not None:
        translated["description"] = description
    translated["input_schema"] = {"type": "object", **(function.mapping("parameters") or {})}
    if function.flag("strict"):
        translated["strict"] = True
    return tool.onto(function.onto(translated))


def _chat_tool(tool: Members) -> dict[str, Any]:
    tool.only("type", "custom")
    function: dict[str, Any] = {"name": tool.text("name")}
    if (description := tool.optional_text("description")) is not None:
        function["description"] = description
    function["parameters"] = tool.mapping("input_schema") or {}
    if tool.flag("strict"):
        function["strict"] = True
    tool.only("allowed_callers", ["direct"])
    tool.only("defer_loading", False)
    tool.only("input_examples", [])
    tool.leave_out("cache_control", "eager_input_streaming")
    return {"type": "function", "function": tool.onto(function)}


def _messages_choice(request: Members) -> dict[str, Any] | None:
    choice = request.take("tool_choice")
    if isinstance(choice, str) and choice in _CHOICES:
        return {"type": _CHOICES[choice]}
    if not isinstance(choice, dict):
        return None if choice is None else request.refuse("tool_choice")
    named = request.reader.object(choice, request.at("tool_choice"))
    if named.text("type") != "function":
        named.refuse("type", "only a function can be chosen")
    function = named.object("function")
    translated = {"type": "tool", "name": function.text("name")}
    function.end()
    return named.onto(translated)
