"""Input of the Responses API as messages of chat completions.

Items are finer than messages: what a model said and the tools it called stand in one message of the assistant, which the
results of those calls follow.
"""

from __future__ import annotations

from typing import Any

from gateway_ext.dialects.strict_json import encode
from gateway_ext.dialects.translation.fields import Members
from gateway_ext.dialects.translation.responses_content import both_contents, chat_content
from gateway_ext.dialects.translation.responses_tools import CUSTOM_INPUT, only_direct_calls

_CHAT_ROLES = {"user": "user", "assistant": "assistant", "system": "system", "developer": "system"}
"""Many servers know no developers; those that do treat the two alike."""


def chat_messages(request: Members) -> list[dict[str, Any]]:
    """The messages for `instructions` and `input`, which is a string or a list of items. Raises NotTranslatable."""
    conversation = _Conversation()
    if (instructions := request.optional_text("instructions")) is not None:
        conversation.messages.append({"role": "system", "content": instructions})
    given = request.take("input")
    if isinstance(given, str):
        conversation.messages.append({"role": "user", "content": given})
    else:
        for item in request.reader.objects(given, "input"):
            conversation.add(item)
    if not conversation.messages:
        request.refuse("input", "it must have a message")
    return conversation.messages


class _Conversation:
    __slots__ = ("messages",)

    def __init__(self) -> None:
        self.messages: list[dict[str, Any]] = []

    def add(self, item: Members) -> None:
        kind = item.optional_text("type")
        item.leave_out("id", "status", "phase")
        match kind:
            case None | "message":
                self._add_message(item)
            case "function_call":
                self._add_call(item, item.text("arguments"))
            case "custom_tool_call":
                self._add_call(item, encode({CUSTOM_INPUT: item.text("input")}).decode())
            case "function_call_output" | "custom_tool_call_output":
                self._add_result(item)
            case "reasoning":
                pass  # chat completions have no place for what a model thought in earlier turns
            case "item_reference":
                item.refuse("type", "nothing is kept here, so send the item itself")
            case _:
                item.refuse("type", "chat completions have no such item")

    def _add_message(self, item: Members) -> None:
        role = _CHAT_ROLES.get(item.text("role"), "")
        if not role:
            item.refuse("role", "it must be user, assistant, system or developer")
        message = {"role": role, "content": chat_content(item, "content", role)}
        turn = self._open_turn() if role == "assistant" else None
        if turn is None or "tool_calls" not in turn:
            self.messages.append(item.onto(message))
            return
        turn["content"] = both_contents(
            turn["content"], message["content"]
        )  # no message may part a call and its result
        turn |= item.onto(turn)

    def _add_call(self, item: Members, arguments: str) -> None:
        only_direct_calls(item)
        call = {
            "id": item.text("call_id"),
            "type": "function",
            "function": {"name": item.text("name"), "arguments": arguments},
        }
        turn = self._open_turn()
        if turn is None:
            turn = {"role": "assistant", "content": None}
            self.messages.append(turn)
        turn.setdefault("tool_calls", []).append(item.onto(call))

    def _add_result(self, item: Members) -> None:
        only_direct_calls(item)
        item.leave_out("name")  # the call it belongs to has it
        message = {
            "role": "tool",
            "tool_call_id": item.text("call_id"),
            "content": chat_content(item, "output", "tool"),
        }
        self.messages.append(item.onto(message))

    def _open_turn(self) -> dict[str, Any] | None:
        """The assistant's message that still goes on."""
        last = self.messages[-1] if self.messages else {}
        return last if last.get("role") == "assistant" else None
