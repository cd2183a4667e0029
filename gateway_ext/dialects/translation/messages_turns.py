"""Turns of Messages as chat messages: results of tools each on their own, before what the user says."""

from __future__ import annotations

from typing import Any

from gateway_ext.dialects.translation.chat_turns import shortened
from gateway_ext.dialects.translation.fields import Members
from gateway_ext.dialects.translation.messages_blocks import Part, parts, tool_call

_THOUGHTS = ("thinking", "redacted_thinking")
"""Blocks of earlier turns: signed or sealed for the model that thought them, of no use to any other."""

_FAILED = "Error: "
"""What stands before the result of a tool that failed, as OpenAI's dialect has no flag for it."""


def chat_messages(request: Members) -> list[dict[str, Any]]:
    """`system` and `messages` of a Messages request. Raises NotTranslatable."""
    said = _texts(request, "system")
    messages: list[dict[str, Any]] = [{"role": "system", "content": shortened(said)}] if said else []
    role = ""
    for message in request.objects("messages"):
        role = message.text("role")
        match role:
            case "user":
                messages += _user(message)
            case "assistant":
                messages += _assistant(message)
            case "system":
                messages += _spoken(message, role, _texts(message, "content"))
            case _:
                message.refuse("role")
    if role == "assistant":
        request.refuse("messages", "the last one must not be the assistant's, as its beginning cannot be given")
    return messages


def _texts(container: Members, name: str) -> list[Part]:
    said: list[Part] = []
    for block in container.content(name):
        if (kind := block.text("type")) != "text":
            block.refuse("type", "only text can be sent in this place")
        said += parts(block, kind)
    return said


def _user(message: Members) -> list[dict[str, Any]]:
    results: list[dict[str, Any]] = []
    said: list[Part] = []
    for block in message.content("content"):
        kind = block.text("type")
        if kind == "tool_result":
            result, beside = _tool_result(block)
            results.append(result)
            said += beside
        else:
            said += parts(block, kind)
    return [*results, *_spoken(message, "user", said)]


def _tool_result(block: Members) -> tuple[dict[str, Any], list[Part]]:
    """The tool's message, and what it cannot have in it: pictures and files go with what the user says after it."""
    block.leave_out("cache_control")
    texts: list[Part] = []
    beside: list[Part] = []
    for inner in block.content("content"):
        for part in parts(inner, inner.text("type")):
            (texts if part["type"] == "text" else beside).append(part)
    if block.flag("is_error"):
        first = texts[0]["text"] if texts else ""
        texts[:1] = [{**(texts[0] if texts else {"type": "text"}), "text": _FAILED + first}]
    result = {"role": "tool", "tool_call_id": block.text("tool_use_id"), "content": shortened(texts) or ""}
    return block.onto(result), beside


def _assistant(message: Members) -> list[dict[str, Any]]:
    said: list[Part] = []
    calls: list[Part] = []
    for block in message.content("content"):
        kind = block.text("type")
        if kind in _THOUGHTS:
            block.leave_out("thinking", "signature", "data")
            block.end()
        elif kind == "tool_use":
            calls.append(tool_call(block))
        elif kind == "text":
            said += parts(block, kind)
        else:
            block.refuse("type", "such a block cannot be sent in this place")
    if not calls:
        return _spoken(message, "assistant", said)
    return [message.onto({"role": "assistant", "content": shortened(said) or None, "tool_calls": calls})]


def _spoken(message: Members, role: str, said: list[Part]) -> list[dict[str, Any]]:
    if not said:
        message.end()
        return []
    return [message.onto({"role": role, "content": shortened(said)})]
