"""Thoughts that no model of Anthropic's has signed, in Messages: those that were translated from another dialect's answer.

Callers send them back with the conversation, and Anthropic refuses a whole request for one signature that is not its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


def signed_only(messages: Sequence[dict[str, Any]]) -> list[dict[str, Any]] | None:
    """`messages` of a request without them, and without turns that were nothing else; None when there are none."""
    if not any(map(_has_unsigned, messages)):
        return None
    kept = []
    for message in messages:
        if not _has_unsigned(message):
            kept.append(message)
        elif content := [block for block in message["content"] if not _is_unsigned(block)]:
            kept.append({**message, "content": content})
    return kept


def _has_unsigned(message: dict[str, Any]) -> bool:
    content = message.get("content")
    return isinstance(content, list) and any(map(_is_unsigned, content))


def _is_unsigned(block: object) -> bool:
    return isinstance(block, dict) and block.get("type") == "thinking" and block.get("signature") == ""
