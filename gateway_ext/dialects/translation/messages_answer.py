"""A Message as a chat completion."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gateway_ext.dialects.answers import AnswerMalformed
from gateway_ext.dialects.sse import StreamMalformed
from gateway_ext.dialects.strict_json import encode
from gateway_ext.dialects.translation.contract import Asked
from gateway_ext.dialects.translation.identities import completion_id
from gateway_ext.dialects.translation.messages_pieces import explanation, malformed, members, string
from gateway_ext.dialects.translation.stop_reasons import finish_reason
from gateway_ext.dialects.translation.usage import chat_usage
from gateway_ext.dialects.usage import usage_from_document


def completion(document: Mapping[str, Any], asked: Asked) -> dict[str, Any]:
    """Raises AnswerMalformed."""
    try:
        choice = {
            "index": 0,
            "message": _message(document),
            "logprobs": None,
            "finish_reason": finish_reason(document.get("stop_reason")),
        }
        answer = {
            "id": completion_id(string(document, "id")),
            "object": "chat.completion",
            "created": asked.at_seconds,
            "model": document.get("model") or asked.model,
            "choices": [choice],
        }
    except StreamMalformed as malformation:
        raise AnswerMalformed(str(malformation)) from None
    usage = usage_from_document(document)
    return answer if usage is None else {**answer, "usage": chat_usage(usage)}


def _message(answer: Mapping[str, Any]) -> dict[str, Any]:
    texts: list[str] = []
    thoughts: list[str] = []
    calls: list[dict[str, Any]] = []
    content = answer.get("content")
    for block in content if isinstance(content, list) else malformed():
        match block.get("type") if isinstance(block, dict) else None:
            case "text":
                texts.append(string(block, "text"))
            case "thinking":
                thoughts.append(string(block, "thinking"))
            case "redacted_thinking":
                pass  # sealed: nobody but the provider can read it
            case "tool_use":
                function = {
                    "name": string(block, "name"),
                    "arguments": encode(members(block, "input")).decode(),
                }
                calls.append({"id": string(block, "id"), "type": "function", "function": function})
            case _:
                malformed()
    message: dict[str, Any] = {"role": "assistant", "content": "".join(texts) if texts else None}
    message["refusal"] = explanation(answer)
    if any(thoughts):
        message["reasoning_content"] = "".join(thoughts)
    return {**message, "tool_calls": calls} if calls else message
