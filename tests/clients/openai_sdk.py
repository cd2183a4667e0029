"""OpenAI's Python SDK: OPENAI_BASE_URL and OPENAI_API_KEY from the environment."""

from __future__ import annotations

from typing import Any

import openai

from tests.clients.openai_form import chat_request, read_chat, read_response, read_response_stream, response_request
from tests.clients.protocol import TIMEOUT_SECONDS, Answer, Question, serve

_CLIENT = openai.OpenAI(max_retries=0, timeout=TIMEOUT_SECONDS)


def chat(question: Question, streams: bool) -> Answer:
    request = {"model": question.model, **chat_request(question)}
    if not streams:
        return read_chat(_CLIENT.chat.completions.create(**request))
    options: Any = {"include_usage": True}
    with _CLIENT.chat.completions.stream(**request, stream_options=options) as stream:
        try:
            pieces = sum(event.type == "content.delta" for event in stream)
            return read_chat(stream.get_final_completion(), pieces)
        except openai.LengthFinishReasonError as cut:  # as this helper says that the limit was reached
            return read_chat(cut.completion)


def response(question: Question, streams: bool) -> Answer:
    request = {"model": question.model, **response_request(question)}
    if streams:
        return read_response_stream(_CLIENT.responses.create(**request, stream=True))
    return read_response(_CLIENT.responses.create(**request))


def embed(model: str, texts: list[str]) -> tuple[list[list[float]], int | None]:
    answer = _CLIENT.embeddings.create(model=model, input=texts)
    return [item.embedding for item in answer.data], answer.usage.prompt_tokens


if __name__ == "__main__":
    serve({"/v1/chat/completions": chat, "/v1/responses": response}, embed)
