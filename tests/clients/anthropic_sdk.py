"""Anthropic's Python SDK: ANTHROPIC_BASE_URL and ANTHROPIC_API_KEY from the environment."""

from __future__ import annotations

from typing import Any

import anthropic

from tests.clients.protocol import RESULT, TIMEOUT_SECONDS, WEATHER, Answer, Question, serve

_CLIENT = anthropic.Anthropic(max_retries=0, timeout=TIMEOUT_SECONDS)


def message(question: Question, streams: bool) -> Answer:
    request: dict[str, Any] = {"model": question.model, "messages": _messages(question)}
    request["max_tokens"] = question.limit_tokens or 100
    if question.system:
        request["system"] = question.system
    if question.offers_tool:
        request["tools"] = [{"name": "weather", "input_schema": WEATHER}]
    pieces = 1
    if streams:
        with _CLIENT.messages.stream(**request) as stream:
            pieces = sum(event.type == "text" for event in stream)
            answer: Any = stream.get_final_message()
    else:
        answer = _CLIENT.messages.create(**request)
    calls = [block for block in answer.content if block.type == "tool_use"]
    call = (calls[0].name, calls[0].input, calls[0].id) if calls else None
    text = "".join(block.text for block in answer.content if block.type == "text")
    usage = (answer.usage.input_tokens, answer.usage.output_tokens)
    return Answer(text, answer.stop_reason, usage, call, pieces, answer.content)


def count(question: Question) -> int:
    messages: Any = _messages(question)
    return _CLIENT.messages.count_tokens(model=question.model, messages=messages).input_tokens


def _messages(question: Question) -> list[dict[str, Any]]:
    content: list[Any] = [{"type": "text", "text": question.text}]
    if question.image:
        source = {"type": "base64", "media_type": "image/png", "data": question.image}
        content.append({"type": "image", "source": source})
    messages: list[dict[str, Any]] = [{"role": "user", "content": content}]
    if question.earlier and question.earlier.call:
        result = {"type": "tool_result", "tool_use_id": question.earlier.call[2], "content": RESULT}
        messages.append({"role": "assistant", "content": question.earlier.message})
        messages.append({"role": "user", "content": [result]})
    return messages


if __name__ == "__main__":
    serve({"/v1/messages": message}, count=count)
