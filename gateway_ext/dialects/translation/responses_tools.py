"""Tools of the Responses API as functions of chat completions.

A custom tool takes free text; chat completions outside of OpenAI's own know functions only. So it becomes a function with
one string, and a call of that function the custom tool's again.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

from gateway_ext.dialects.translation.fields import Members

CUSTOM_INPUT = "input"
"""The argument of the function that stands for a custom tool."""

_OF_THE_CALLERS = ("function", "custom")
_HINT = "only tools of type function and custom can be passed on"


def chat_tool(tool: Members) -> dict[str, Any]:
    """A tool of the caller's own as a function. Raises NotTranslatable for those that OpenAI runs."""
    kind = tool.text("type")
    if kind not in _OF_THE_CALLERS:
        tool.refuse("type", _HINT)
    only_direct_calls(tool)
    tool.only("defer_loading", False)
    tool.only("output_schema")
    function = {"name": tool.text("name"), **tool.given("description")}
    if kind == "custom":
        function["parameters"] = _custom_parameters(tool.optional_object("format"))
    else:
        function |= tool.given("parameters", "strict")
    return {"type": "function", "function": tool.onto(function)}


def only_direct_calls(members: Members) -> None:
    """Refuse what only OpenAI's own programs and namespaces give a meaning to, of a tool or of a call."""
    members.only("namespace")
    members.only("async", False)
    members.only("caller", {"type": "direct"})
    members.only("allowed_callers", ["direct"])


def chat_tool_choice(choice: Members, tools: list[dict[str, Any]]) -> tuple[Any, list[dict[str, Any]]]:
    """A choice that is an object, as chat completions say it, and the tools to send along.

    Of `allowed_tools`, which few servers know, the others are not sent: the model may not call them.
    """
    kind = choice.text("type")
    if kind in _OF_THE_CALLERS:
        named = {"type": "function", "function": {"name": choice.text("name")}}
        return choice.onto(named), tools
    if kind != "allowed_tools":
        choice.refuse("type", _HINT)
    mode = choice.text("mode")
    names = set()
    for allowed in choice.objects("tools"):
        if allowed.text("type") not in _OF_THE_CALLERS:
            allowed.refuse("type", _HINT)
        names.add(allowed.text("name"))
        allowed.end()
    kept = [tool for tool in tools if tool["function"]["name"] in names]
    if not kept:
        choice.refuse("tools", "it must name one of the request's tools")
    choice.end()
    return mode, kept


def custom_names(request: Mapping[str, Any]) -> frozenset[str]:
    """The names of the custom tools of a request of the Responses API that has been translated."""
    return frozenset(tool["name"] for tool in request.get("tools") or () if tool["type"] == "custom")


def custom_input(arguments: str) -> str:
    """What a custom tool is called with, from the arguments of its function.

    Arguments that are not as asked for (of a call that was cut short, or by a model that wrote free text after all) are
    taken as they are.
    """
    try:
        decoded = orjson.loads(arguments)
    except orjson.JSONDecodeError:
        return arguments
    is_asked_for = isinstance(decoded, dict) and decoded.keys() == {CUSTOM_INPUT}
    return text if is_asked_for and isinstance(text := decoded[CUSTOM_INPUT], str) else arguments


def _custom_parameters(form: Members | None) -> dict[str, Any]:
    """The schema of the one argument. A grammar is told to the model: no server holds it to that in a function."""
    text: dict[str, Any] = {"type": "string"}
    if form is not None:
        if (kind := form.text("type")) == "grammar":
            text["description"] = f"Text of this grammar ({form.text('syntax')}):\n{form.text('definition')}"
        elif kind != "text":
            form.refuse("type", "it must be text or grammar")
        form.end()
    return {
        "type": "object",
        "properties": {CUSTOM_INPUT: text},
        "required": [CUSTOM_INPUT],
        "additionalProperties": False,
    }
