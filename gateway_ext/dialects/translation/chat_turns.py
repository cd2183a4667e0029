"""Chat messages as the turns of Messages: the system's words apart, and turns of one side after another as one."""

from __future__ import annotations

from typing import Any

from gateway_ext.dialects.translation.chat_parts import blocks, tool_id, tool_use
from gateway_ext.dialects.translation.fields import Members

_THOUGHTS = ("reasoning_content", "reasoning", "reasoning_details")
"""Of earlier turns, as answers carry them: models of Anthropic's dialect take back only what they have signed."""
_OF_ANSWERS = ("annotations", "provider_specific_fields")
"""About an earlier answer, not part of what was said; LiteLLM sends back what it had no name for by the latter."""


class Turns:
    """`system`: text blocks. `messages`: alternating turns, each with a list of blocks."""

    __slots__ = ("messages", "system")

    def __init__(self, request: Members) -> None:
        """Raises NotTranslatable."""
        self.system: list[dict[str, Any]] = []
        self.messages: list[dict[str, Any]] = []
        for message in request.objects("messages"):
            self._add(message)
        if not self.messages:
            request.refuse("messages", "there must be one that is not the system's")
        if self.messages[-1]["role"] != "user":
            request.refuse("messages", "the last one must be the user's or a tool's")

    def _add(self, message: Members) -> None:
        match message.text("role"):
            case "system" | "developer":
                self.system += _closed(message, blocks(message, "text"))
            case "user":
                self._say("user", message, blocks(message, "text", "image_url", "file"))
            case "assistant":
                self._say("assistant", message, _said(message))
            case "tool":
                message.leave_out("name")  # the call has it
                result = {"type": "tool_result", "tool_use_id": tool_id(message, "tool_call_id")}
                content = shortened(blocks(message, "text"))
                self._append("user", [message.onto({**result, "content": content} if content else result)])
            case _:
                message.refuse("role")

    def _say(self, role: str, message: Members, said: list[dict[str, Any]]) -> None:
        self._append(role, _closed(message, said))

    def _append(self, role: str, said: list[dict[str, Any]]) -> None:
        if not said:  # an empty message says nothing, and Anthropic refuses it
            return
        if self.messages and self.messages[-1]["role"] == role:
            self.messages[-1]["content"] += said
        else:
            self.messages.append({"role": role, "content": said})


def shortened(said: list[dict[str, Any]]) -> str | list[dict[str, Any]]:
    """Blocks or parts as short as both dialects allow: one of text alone is its text."""
    if len(said) == 1 and said[0].keys() == {"type", "text"}:
        return str(said[0]["text"])
    return said


def _said(message: Members) -> list[dict[str, Any]]:
    said = blocks(message, "text", "refusal")
    if refusal := message.optional_text("refusal"):
        said.append({"type": "text", "text": refusal})
    said += [tool_use(call) for call in message.objects("tool_calls")]
    message.leave_out(*_THOUGHTS, *_OF_ANSWERS)
    return said


def _closed(message: Members, said: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """A field of a message that its dialect does not know goes with the last block: messages are joined into turns."""
    if not said:
        message.end()
        return []
    return [*said[:-1], message.onto(said[-1])]
