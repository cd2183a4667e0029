"""LiteLLM as a library: addresses and keys from the environment, the provider before the model's name."""

from __future__ import annotations

from typing import Any

import litellm

from tests.clients.openai_form import chat_request, read_chat, read_response, read_response_stream, response_request
from tests.clients.protocol import TIMEOUT_SECONDS, Answer, Question, Speak, serve

_ONCE: dict[str, Any] = {"max_retries": 0, "num_retries": 0, "timeout": TIMEOUT_SECONDS}


def completion(provider: str) -> Speak:
    """Chat completions, or messages, as the provider speaks."""

    def speak(question: Question, streams: bool) -> Answer:
        request = {"model": f"{provider}/{question.model}", **chat_request(question), **_ONCE}
        if not streams:
            return read_chat(litellm.completion(**request))
        chunks = list(litellm.completion(**request, stream=True, stream_options={"include_usage": True}))
        pieces = sum(bool(chunk.choices and chunk.choices[0].delta.content) for chunk in chunks)
        return read_chat(litellm.stream_chunk_builder(chunks), pieces)

    return speak


def response(question: Question, streams: bool) -> Answer:
    request = {"model": f"openai/{question.model}", **response_request(question), **_ONCE}
    if streams:
        return read_response_stream(litellm.responses(**request, stream=True))
    return read_response(litellm.responses(**request))


def embed(model: str, texts: list[str]) -> tuple[list[list[float]], int | None]:
    answer = litellm.embedding(model=f"openai/{model}", input=texts, **_ONCE)
    return [item["embedding"] for item in answer.data], answer.usage.prompt_tokens


if __name__ == "__main__":
    serve(
        {
            "/v1/chat/completions": completion("openai"),
            "/v1/messages": completion("anthropic"),
            "/v1/responses": response,
        },
        embed,
    )
