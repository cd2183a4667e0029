"""Requests as Claude Code 2.1.197 sends them: its headers and the form of its bodies, as recorded; the words are ours.

The program itself may not be passed on and weighs 235 MB, so it is no part of the tests; tests/envoy/test_claude_code.py runs
it where it is installed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_BETAS = (
    "claude-code-20250219",
    "interleaved-thinking-2025-05-14",
    "thinking-token-count-2026-05-13",
    "context-management-2025-06-27",
    "prompt-caching-scope-2026-01-05",
    "mid-conversation-system-2026-04-07",
    "effort-2025-11-24",
)
BETAS = ",".join(_BETAS)
COUNTING_BETAS = ",".join((*_BETAS[:2], "context-management-2025-06-27", "token-counting-2024-11-01"))
HEADERS: Mapping[str, str] = {
    "accept": "application/json",
    "anthropic-beta": BETAS,
    "anthropic-dangerous-direct-browser-access": "true",
    "anthropic-version": "2023-06-01",
    "user-agent": "claude-cli/2.1.197 (external, sdk-cli)",
    "x-app": "cli",
    "x-claude-code-agent-id": "a0f31c9d",
    "x-claude-code-session-id": "5f0e6b0a-9a53-4f4e-8f0e-3f0d6f1f2a11",
    "x-stainless-arch": "x64",
    "x-stainless-helper-method": "stream",
    "x-stainless-lang": "js",
    "x-stainless-os": "Linux",
    "x-stainless-package-version": "0.94.0",
    "x-stainless-retry-count": "0",
    "x-stainless-runtime": "node",
    "x-stainless-runtime-version": "v26.3.0",
    "x-stainless-timeout": "600",
}
QUERY = "?beta=true"
_CACHED = {"cache_control": {"type": "ephemeral"}}
_SCHEMA = "https://json-schema.org/draft/2020-12/schema"


def _tool(name: str, description: str, **properties: Any) -> dict[str, Any]:
    schema = {"$schema": _SCHEMA, "type": "object", "properties": properties, "required": [next(iter(properties))]}
    return {"name": name, "description": description, "input_schema": {**schema, "additionalProperties": False}}


_COMMAND = {"description": "What to run", "type": "string"}
BASH = _tool(
    "Bash",
    "Runs a command.\n\nEnd commit messages with:\n\n   Co-Authored-By: Claude <noreply@anthropic.com>\n",
    command=_COMMAND,
    timeout={"description": "In milliseconds", "type": "number"},
    run_in_background={"type": "boolean"},
)
READ = _tool("Read", "Reads a file.", file_path={"type": "string"}, limit={"type": "integer", "exclusiveMinimum": 0})
_FIXED: Mapping[str, Any] = {
    "system": [
        {"type": "text", "text": "x-anthropic-billing-header: cc_version=2.1.197.84c; cc_entrypoint=sdk-cli;"},
        {"type": "text", "text": "You are an agent that writes programs.", **_CACHED},
        {"type": "text", "text": "\nKeep to what you are asked.\n", **_CACHED},
    ],
    "metadata": {"user_id": '{"device_id":"17b7e9e380123972b77b35ec","account_uuid":"","session_id":"5f0e6b0a"}'},
    "max_tokens": 32000,
    "stream": True,
}
_THINKING: Mapping[str, Any] = {
    "thinking": {"type": "adaptive"},
    "context_management": {"edits": [{"type": "clear_thinking_20251015", "keep": "all"}]},
    "output_config": {"effort": "high"},
}


def _asked(words: str, **marks: Any) -> dict[str, Any]:
    reminder = "<system-reminder>\nWhat may help:\n# currentDate\nToday's date is 2026-11-22.\n</system-reminder>\n\n"
    content = [{"type": "text", "text": reminder}, {"type": "text", "text": words, **marks}]
    return {"role": "user", "content": content}


_AGENTS = {"role": "system", "content": "Available agent types for the Agent tool:\n- claude: for any task\n"}


def first_turn(model: str, words: str) -> dict[str, Any]:
    """What is asked, with a list of agents behind it that only the model is to see."""
    return {
        "model": model,
        "messages": [_asked(words, **_CACHED), _AGENTS],
        **_FIXED,
        "tools": [BASH, READ],
        **_THINKING,
    }


def after_tool(model: str, words: str, call: Mapping[str, Any], *, failed: bool = False) -> dict[str, Any]:
    """The turn that follows the use `call` of a tool, with its result, and with what the model is told besides."""
    result = {"tool_use_id": call["id"], "type": "tool_result", "content": "hello", "is_error": failed, **_CACHED}
    used = {"type": "tool_use", "id": call["id"], "name": call["name"], "input": call["input"]}
    messages = [
        _asked(words),
        _AGENTS,
        {"role": "assistant", "content": [used]},
        {"role": "user", "content": [result]},
        {"role": "system", "content": "The following skills are available:\n\n- init: begin\n"},
    ]
    return {"model": model, "messages": messages, **_FIXED, "tools": [BASH, READ], **_THINKING}


def after_picture(model: str, call: Mapping[str, Any], png_base64: str) -> dict[str, Any]:
    """The turn after a picture was read."""
    source = {"type": "base64", "data": png_base64, "media_type": "image/png"}
    document = after_tool(model, "Look at it.", call)
    document["messages"][3]["content"][0] |= {"content": [{"type": "image", "source": source}]}
    return document


def sub_agent(model: str, words: str) -> dict[str, Any]:
    """What an agent that it has started asks: it does not think."""
    effort = {"output_config": {"effort": "high"}}
    return {"model": model, "messages": [_asked(words, **_CACHED), _AGENTS], **_FIXED, "tools": [READ], **effort}


def count(model: str) -> dict[str, Any]:
    """How much of the context its tools take."""
    return {"model": model, "messages": [{"role": "user", "content": "foo"}], "tools": [BASH, READ]}
