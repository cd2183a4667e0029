"""What clients of each dialect put together from an event stream, as their documentation says. For tests."""

from collections.abc import Iterator
from typing import Any

import orjson

from gateway_ext.dialects.sse import SseParser
from gateway_ext.exchange import Endpoint
from tests.unit.dialects.translation.official_models import check_event


def completion_of(stream: bytes) -> dict[str, Any]:
    """A chat completion, of its chunks."""
    message: dict[str, Any] = {"role": "assistant", "content": None, "refusal": None}
    completion: dict[str, Any] = {}
    reason = None
    for chunk in _documents(Endpoint.CHAT_COMPLETIONS, stream):
        completion |= chunk
        for choice in chunk["choices"]:
            reason = choice["finish_reason"] or reason
            for field in ("content", "reasoning_content"):
                if choice["delta"].get(field):
                    message[field] = (message.get(field) or "") + choice["delta"][field]
            for call in choice["delta"].get("tool_calls", []):
                called = message.setdefault("tool_calls", [])
                if "id" in call:
                    called.append({"id": call["id"], "type": call["type"], "function": dict(call["function"])})
                else:
                    called[call["index"]]["function"]["arguments"] += call["function"]["arguments"]
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": reason}
    return {**completion, "object": "chat.completion", "choices": [choice]}


def message_of(stream: bytes) -> dict[str, Any]:
    """A Message, of its events."""
    message: dict[str, Any] = {}
    content: list[dict[str, Any]] = []
    inputs: dict[int, str] = {}
    for event in _documents(Endpoint.MESSAGES, stream):
        match event["type"]:
            case "message_start":
                message = event["message"]
            case "content_block_start":
                assert event["index"] == len(content)
                content.append(event["content_block"])
            case "content_block_delta" if event["delta"]["type"] == "input_json_delta":
                inputs[event["index"]] = inputs.get(event["index"], "") + event["delta"]["partial_json"]
            case "content_block_delta":
                kind = event["delta"]["type"].removesuffix("_delta")
                content[event["index"]][kind] += event["delta"][kind]
            case "message_delta":
                message |= {**event["delta"], "usage": event["usage"]}
    for index, json in inputs.items():
        content[index]["input"] = orjson.loads(json)
    return {**message, "content": content}


def _documents(endpoint: Endpoint, stream: bytes) -> Iterator[dict[str, Any]]:
    for event in SseParser().feed(stream):
        if event.data != b"[DONE]":
            document = orjson.loads(event.data)
            check_event(endpoint, document)
            yield document
