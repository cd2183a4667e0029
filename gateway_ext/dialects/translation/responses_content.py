"""Content of the Responses API as content of chat completions: a string, or a list of parts."""

from __future__ import annotations

from typing import Any

from gateway_ext.dialects.translation.fields import Members

_TEXT_TYPES = frozenset({"input_text", "output_text"})
_TYPES_OF_ROLE = {
    "user": _TEXT_TYPES | {"input_image", "input_file", "input_audio"},
    "assistant": _TEXT_TYPES | {"refusal"},
    "system": _TEXT_TYPES,
    "tool": _TEXT_TYPES,
}
"""What chat completions take in a message of each role."""

Content = str | list[dict[str, Any]]


def chat_content(item: Members, name: str, role: str) -> Content:
    """The content of `item`, its field `name`, for a message of the chat `role`. Raises NotTranslatable.

    A single text becomes a string, which every server takes.
    """
    content = item.take(name)
    if isinstance(content, str):
        return content
    if content is None:
        item.refuse(name, "it must be a string or a list")
    parts = [_chat_part(part, role) for part in item.reader.objects(content, item.at(name))]
    if not parts:
        return ""
    return str(parts[0]["text"]) if len(parts) == 1 and parts[0].keys() == {"type", "text"} else parts


def both_contents(before: Content | None, after: Content) -> Content:
    """Two contents as that of one message."""
    return [*_parts(before), *_parts(after)] if before else after


def _parts(content: Content | None) -> list[dict[str, Any]]:
    return [{"type": "text", "text": content}] if isinstance(content, str) else content or []


def _chat_part(part: Members, role: str) -> dict[str, Any]:
    kind = part.text("type")
    if kind not in _TYPES_OF_ROLE[role]:
        part.refuse("type", "chat completions take no such part here")
    said: dict[str, Any]
    match kind:
        case "input_text" | "output_text":
            part.leave_out("annotations", "logprobs")  # about the text of an earlier answer, which goes along itself
            said = {"type": "text", "text": part.text("text")}
        case "refusal":
            said = {"type": "refusal", "refusal": part.text("refusal")}
        case "input_image":
            part.only("file_id")
            said = {"type": "image_url", "image_url": {"url": part.text("image_url"), **part.given("detail")}}
        case "input_file":
            part.only("file_url")
            part.only("detail", "auto")
            said = {"type": "file", "file": part.given("file_data", "file_id", "filename")}
        case _:
            said = {"type": "input_audio", "input_audio": part.take("input_audio")}
    said |= part.given("prompt_cache_breakpoint")
    return part.onto(said)
