"""LangChain's chat models and embeddings of OpenAI and Anthropic: addresses and keys from the environment."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from langchain_anthropic import ChatAnthropic
from langchain_core.messages import AIMessage, AIMessageChunk, HumanMessage, SystemMessage, ToolMessage
from langchain_openai import ChatOpenAI, OpenAIEmbeddings

from tests.clients.protocol import RESULT, TIMEOUT_SECONDS, WEATHER, Answer, Question, Speak, serve

_ONCE: dict[str, Any] = {"max_retries": 0, "timeout": TIMEOUT_SECONDS}
_TOOL = {"title": "weather", "description": "The weather of a city.", **WEATHER}


def speaker(model_of: Callable[[Question], Any]) -> Speak:
    """What the framework makes of every model alike."""

    def speak(question: Question, streams: bool) -> Answer:
        model = model_of(question)
        if question.offers_tool:
            model = model.bind_tools([_TOOL])
        if not streams:
            return _read(model.invoke(_messages(question)), pieces=1)
        chunks = list(model.stream(_messages(question)))
        whole: Any = chunks[0]
        for chunk in chunks[1:]:
            whole = whole + chunk
        assert isinstance(whole, AIMessageChunk)
        return _read(whole, pieces=sum(bool(chunk.text) for chunk in chunks))

    return speak


def _messages(question: Question) -> list[Any]:
    content: Any = question.text
    if question.image:
        picture = {"type": "image", "base64": question.image, "mime_type": "image/png"}
        content = [{"type": "text", "text": question.text}, picture]
    messages: list[Any] = [SystemMessage(question.system)] if question.system else []
    messages.append(HumanMessage(content))
    if question.earlier and question.earlier.call:
        messages += [question.earlier.message, ToolMessage(RESULT, tool_call_id=question.earlier.call[2])]
    return messages


def _read(message: AIMessage, pieces: int) -> Answer:
    calls = message.tool_calls
    call = (calls[0]["name"], calls[0]["args"], calls[0]["id"] or "") if calls else None
    usage = message.usage_metadata
    tokens = (usage["input_tokens"], usage["output_tokens"]) if usage else None
    return Answer(message.text, _stop(message.response_metadata), tokens, call, pieces, message)


def _stop(said: dict[str, Any]) -> str:
    """Each endpoint says it in its own words."""
    cut_short = said.get("incomplete_details") or {}
    ends = (cut_short.get("reason"), said.get("finish_reason"), said.get("stop_reason"), said.get("status"))
    return next((str(end) for end in ends if end), "")


def _chat(question: Question) -> ChatOpenAI:
    limit = question.limit_tokens
    return ChatOpenAI(model=question.model, max_completion_tokens=limit, stream_usage=True, **_ONCE)


def _response(question: Question) -> ChatOpenAI:
    limit = question.limit_tokens
    return ChatOpenAI(model=question.model, max_completion_tokens=limit, use_responses_api=True, **_ONCE)


def _message(question: Question) -> ChatAnthropic:
    return ChatAnthropic(model_name=question.model, max_tokens_to_sample=question.limit_tokens or 100, **_ONCE)


def embed(model: str, texts: list[str]) -> tuple[list[list[float]], int | None]:
    """As texts: by default it would send numbers of OpenAI's own vocabulary, which other servers cannot read."""
    embeddings = OpenAIEmbeddings(model=model, check_embedding_ctx_length=False, **_ONCE)
    return embeddings.embed_documents(texts), None


if __name__ == "__main__":
    serve(
        {
            "/v1/chat/completions": speaker(_chat),
            "/v1/responses": speaker(_response),
            "/v1/messages": speaker(_message),
        },
        embed,
    )
