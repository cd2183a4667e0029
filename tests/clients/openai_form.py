"""Requests and answers in the form of OpenAI's SDK, which LiteLLM has taken over."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from tests.clients.protocol import RESULT, WEATHER, Answer, Question

# --- chat completions -------------------------------------------------------------------------------------------------


def chat_request(question: Question) -> dict[str, Any]:
    """Arguments of a call, but for the model."""
    request: dict[str, Any] = {"messages": _messages(question)}
    if question.offers_tool:
        request["tools"] = [{"type": "function", "function": {"name": "weather", "parameters": WEATHER}}]
    if question.limit_tokens:
        request["max_tokens"] = question.limit_tokens
    return request


def read_chat(answer: Any, pieces: int = 1) -> Answer:
    (choice,) = answer.choices
    calls = choice.message.tool_calls or []
    call = (calls[0].function.name, json.loads(calls[0].function.arguments), calls[0].id) if calls else None
    usage = (answer.usage.prompt_tokens, answer.usage.completion_tokens)
    return Answer(choice.message.content or "", choice.finish_reason, usage, call, pieces, choice.message)


def _messages(question: Question) -> list[Any]:
    content: Any = question.text
    if question.image:
        picture = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{question.image}"}}
        content = [{"type": "text", "text": question.text}, picture]
    messages: list[Any] = [{"role": "system", "content": question.system}] if question.system else []
    messages.append({"role": "user", "content": content})
    if question.earlier and question.earlier.call:
        messages.append(question.earlier.message)
        messages.append({"role": "tool", "tool_call_id": question.earlier.call[2], "content": RESULT})
    return messages


# --- responses --------------------------------------------------------------------------------------------------------


def response_request(question: Question) -> dict[str, Any]:
    """Arguments of a call, but for the model."""
    request: dict[str, Any] = {"input": _input(question)}
    if question.system:
        request["instructions"] = question.system
    if question.offers_tool:
        request["tools"] = [{"type": "function", "name": "weather", "parameters": WEATHER, "strict": True}]
    if question.limit_tokens:
        request["max_output_tokens"] = question.limit_tokens
    return request


def read_response_stream(events: Iterable[Any]) -> Answer:
    """The last event repeats the whole Response."""
    seen = list(events)
    return read_response(seen[-1].response, sum(event.type == "response.output_text.delta" for event in seen))


def read_response(answer: Any, pieces: int = 1) -> Answer:
    calls = [item for item in answer.output if item.type == "function_call"]
    call = (calls[0].name, json.loads(calls[0].arguments), calls[0].call_id) if calls else None
    stop = answer.incomplete_details.reason if answer.incomplete_details else answer.status
    usage = (answer.usage.input_tokens, answer.usage.output_tokens)
    return Answer(answer.output_text, stop, usage, call, pieces, answer.output)


def _input(question: Question) -> list[Any]:
    content: Any = question.text
    if question.image:
        picture = {"type": "input_image", "image_url": f"data:image/png;base64,{question.image}", "detail": "auto"}
        content = [{"type": "input_text", "text": question.text}, picture]
    items: list[Any] = [{"role": "user", "content": content}]
    if question.earlier and question.earlier.call:
        items += question.earlier.message
        items.append({"type": "function_call_output", "call_id": question.earlier.call[2], "output": RESULT})
    return items
