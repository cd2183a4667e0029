"""Read what is asked out of a request document of each generating endpoint. Raises InvalidRequestError."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from gateway_ext.simulator.model import InvalidRequestError, Question, chosen_tool

Document = Mapping[str, Any]


def chat_question(document: Document) -> Question:
    """POST /v1/chat/completions."""
    messages = document.get("messages")
    if not isinstance(messages, list) or not messages or not all(isinstance(item, Mapping) for item in messages):
        raise InvalidRequestError("messages must be a list of at least one message object", "messages")
    functions = [tool["function"] for tool in _tools(document) if isinstance(tool.get("function"), Mapping)]
    texts = [(str(message.get("role")), text) for message in messages for text in _texts(message.get("content"))]
    return Question(
        model=_model(document),
        texts=tuple(text for _, text in texts),
        last_user_text=_last_user_text(texts),
        output_tokens_max=_limit(document, "max_completion_tokens", "max_tokens"),
        tool=_tool(functions, document, is_result_given=_last_turn(messages).get("role") == "tool"),
    )


def completion_question(document: Document) -> Question:
    """POST /v1/completions. A list of prompts is answered as one."""
    prompt = document.get("prompt")
    texts = [prompt] if isinstance(prompt, str) else prompt
    if not isinstance(texts, list) or not texts or not all(isinstance(text, str) for text in texts):
        raise InvalidRequestError("prompt must be a string or a list of strings", "prompt")
    limit = _limit(document, "max_tokens")
    return Question(_model(document), tuple(texts), texts[-1], limit, tool=None)


def responses_question(document: Document) -> Question:
    """POST /v1/responses."""
    given = document.get("input")
    items: Any = [{"role": "user", "content": given}] if isinstance(given, str) else given
    if not isinstance(items, list) or not items or not all(isinstance(item, Mapping) for item in items):
        raise InvalidRequestError("input must be a string or a list of items", "input")
    texts = [("system", text) for text in _texts(document.get("instructions"))]
    for item in items:
        texts += [(str(item.get("role")), text) for text in _texts(item.get("content") or item.get("output"))]
    functions = [tool for tool in _tools(document) if tool.get("type") == "function"]
    return Question(
        model=_model(document),
        texts=tuple(text for _, text in texts),
        last_user_text=_last_user_text(texts),
        output_tokens_max=_limit(document, "max_output_tokens"),
        tool=_tool(functions, document, is_result_given=items[-1].get("type") == "function_call_output"),
    )


def messages_question(document: Document) -> Question:
    """POST /v1/messages. What stands in a block with `cache_control` counts as read from the cache."""
    messages = document.get("messages")
    if not isinstance(messages, list) or not messages or not all(isinstance(item, Mapping) for item in messages):
        raise InvalidRequestError("messages: at least one message is required", "messages")
    limit = _limit(document, "max_tokens", minimum=0)
    if limit is None:
        raise InvalidRequestError("max_tokens: Field required", "max_tokens")
    contents = [("system", document.get("system"))]
    contents += [(str(message.get("role")), message.get("content")) for message in messages]
    texts = [(role, text) for role, content in contents for text in _texts(content)]
    tools = [{**tool, "parameters": tool.get("input_schema")} for tool in _tools(document)]
    last = _last_turn(messages).get("content")
    blocks = last if isinstance(last, list) else []
    is_result_given = any(isinstance(block, Mapping) and block.get("type") == "tool_result" for block in blocks)
    choice = document.get("tool_choice")
    return Question(
        model=_model(document),
        texts=tuple(text for _, text in texts),
        last_user_text=_last_user_text(texts),
        output_tokens_max=limit,
        tool=None if is_result_given else chosen_tool(tools, "none" if choice == {"type": "none"} else choice),
        cached_texts=tuple(text for _, content in contents for text in _texts(content, only_cached=True)),
    )


def _model(document: Document) -> str:
    model = document.get("model")
    if not isinstance(model, str) or not model:
        raise InvalidRequestError("model must be a string", "model")
    return model


def _texts(content: Any, *, only_cached: bool = False) -> Iterator[str]:
    """Texts of a message's content: a string, or a list of parts of which those with `text` count."""
    if isinstance(content, str) and not only_cached:
        yield content
    elif isinstance(content, list):
        for part in content:
            if not isinstance(part, Mapping) or not isinstance(part.get("text"), str):
                continue
            if "cache_control" in part or not only_cached:
                yield part["text"]


def _last_turn(messages: list[Mapping[str, Any]]) -> Mapping[str, Any]:
    """What the model is told on the way (`system`, behind a turn) is none."""
    return next((each for each in reversed(messages) if each.get("role") != "system"), messages[-1])


def _last_user_text(texts: list[tuple[str, str]]) -> str:
    return next((text for role, text in reversed(texts) if role == "user"), "")


def _limit(document: Document, *names: str, minimum: int = 1) -> int | None:
    for name in names:
        value = document.get(name)
        if value is None:
            continue
        if not isinstance(value, int) or isinstance(value, bool) or value < minimum:
            raise InvalidRequestError(f"{name} must be an integer from {minimum}", name)
        return value
    return None


def _tools(document: Document) -> list[Mapping[str, Any]]:
    tools = document.get("tools") or []
    if not isinstance(tools, list) or not all(isinstance(tool, Mapping) for tool in tools):
        raise InvalidRequestError("tools must be a list of tool objects", "tools")
    return tools


def _tool(functions: list[Mapping[str, Any]], document: Document, is_result_given: bool) -> Mapping[str, Any] | None:
    """The tool to call. Not again once its result is there, or an agent's loop would never end."""
    return None if is_result_given else chosen_tool(functions, document.get("tool_choice"))
