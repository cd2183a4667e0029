"""What a Response repeats of its request: OpenAI's API reference, "The response object"."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_REPEATED: Mapping[str, Any] = {
    "instructions": None,
    "max_output_tokens": None,
    "max_tool_calls": None,
    "metadata": {},
    "parallel_tool_calls": True,
    "prompt_cache_key": None,
    "reasoning": {"effort": None, "summary": None},
    "safety_identifier": None,
    "temperature": None,
    "text": {"format": {"type": "text"}},
    "tool_choice": "auto",
    "tools": [],
    "top_logprobs": 0,
    "top_p": None,
    "truncation": "disabled",
    "user": None,
}
"""With what counts where the request says nothing. The model's own defaults (its temperature, say) are not known here."""

_NEVER: Mapping[str, Any] = {"background": False, "conversation": None, "previous_response_id": None, "store": False}
"""Nothing is kept for later, whatever was asked for."""


def repeated(request: Mapping[str, Any]) -> dict[str, Any]:
    """The members of a Response that repeat `request`, a request of the Responses API."""
    said = {name: request[name] for name in _REPEATED if request.get(name) is not None}
    for name in ("reasoning", "text"):
        said[name] = {**_REPEATED[name], **said.get(name, {})}
    tools = [_tool(tool) for tool in said.get("tools", ())]
    return {**_NEVER, **_REPEATED, **said, "tools": tools}


def _tool(tool: Mapping[str, Any]) -> dict[str, Any]:
    """Functions have these members in every answer."""
    return {"parameters": None, "strict": None, **tool} if tool["type"] == "function" else dict(tool)
