"""The official SDKs, unchanged, with answers that were made from the other dialect's."""

from pathlib import Path
from typing import Any

import anthropic
import httpx2
import openai
import orjson
import pytest

from gateway_ext.dialects.translation.contract import Asked
from gateway_ext.dialects.translation.translate import Translation
from gateway_ext.exchange import Endpoint

GOLDEN = Path(__file__).with_name("golden") / "streams"
USER: Any = {"role": "user", "content": "Weather in Brest?"}
THINKING: Any = {"type": "enabled", "budget_tokens": 2000}
TO_CHAT = Translation(
    Endpoint.CHAT_COMPLETIONS, Endpoint.MESSAGES, Asked({"model": "m", "stream_options": {"include_usage": True}}, 7)
)
TO_MESSAGES = Translation(
    Endpoint.MESSAGES, Endpoint.CHAT_COMPLETIONS, Asked({"model": "m", "max_tokens": 4000, "thinking": THINKING}, 7)
)


def provider(name: str) -> bytes:
    return (GOLDEN / f"{name}.given.sse").read_bytes()


def transport(translation: Translation, body: bytes, status: int = 200) -> httpx2.Client:
    def answer(_: httpx2.Request) -> httpx2.Response:
        if status >= 400:
            return httpx2.Response(status, content=translation.answer(body, status))
        stream = translation.stream()
        content = stream.feed(body) + stream.finish()
        return httpx2.Response(200, content=content, headers={"content-type": "text/event-stream"})

    return httpx2.Client(transport=httpx2.MockTransport(answer))


def openai_client(body: bytes, status: int = 200) -> openai.OpenAI:
    http = transport(TO_CHAT, body, status)
    return openai.OpenAI(api_key="k", base_url="http://gateway/v1", http_client=http, max_retries=0)


def anthropic_client(body: bytes, status: int = 200) -> anthropic.Anthropic:
    http = transport(TO_MESSAGES, body, status)
    return anthropic.Anthropic(api_key="k", base_url="http://gateway", http_client=http, max_retries=0)


def test_openai_puts_a_stream_of_messages_together() -> None:
    client = openai_client(provider("chat_from_messages_tools"))
    options: Any = {"include_usage": True}
    with client.chat.completions.stream(model="m", messages=[USER], stream_options=options) as stream:
        completion = stream.get_final_completion()
    choice = completion.choices[0]
    assert choice.finish_reason == "tool_calls"
    assert choice.message.content == "Looking it up."
    assert [
        (call.id, call.function.name, orjson.loads(call.function.arguments)) for call in choice.message.tool_calls or []
    ] == [("toolu_1", "weather", {"city": "Brest", "days": 2}), ("toolu_2", "clock", {})]
    assert completion.usage is not None
    assert completion.usage.total_tokens == 1260


def test_anthropic_puts_a_stream_of_chunks_together() -> None:
    client = anthropic_client(provider("messages_from_chat_tools"))
    with client.messages.stream(model="m", max_tokens=4000, messages=[USER], thinking=THINKING) as stream:
        message = stream.get_final_message()
    assert message.stop_reason == "tool_use"
    assert [block.model_dump(include={"type", "thinking", "text", "name", "input"}) for block in message.content] == [
        {"type": "thinking", "thinking": "Two cities."},
        {"type": "text", "text": "One moment."},
        {"type": "tool_use", "name": "weather", "input": {"city": "Brest"}},
        {"type": "tool_use", "name": "clock", "input": {}},
    ]
    assert (message.usage.input_tokens, message.usage.cache_read_input_tokens, message.usage.output_tokens) == (
        210,
        1000,
        50,
    )


def test_both_raise_for_an_error_within_a_stream() -> None:
    with pytest.raises(openai.APIError, match="Overloaded"):
        list(
            openai_client(provider("chat_from_messages_error")).chat.completions.create(
                model="m", messages=[USER], stream=True
            )
        )
    with (
        pytest.raises(anthropic.APIStatusError, match=r"Stopped by the gateway\."),
        anthropic_client(provider("messages_from_chat_error")).messages.stream(
            model="m", max_tokens=9, messages=[USER]
        ) as stream,
    ):
        stream.get_final_message()


@pytest.mark.parametrize(
    ("status", "kind", "raises"),
    [
        (400, "invalid_request_error", "BadRequestError"),
        (401, "authentication_error", "AuthenticationError"),
        (403, "permission_error", "PermissionDeniedError"),
        (404, "not_found_error", "NotFoundError"),
        (429, "rate_limit_error", "RateLimitError"),
        (500, "api_error", "InternalServerError"),
        (529, "overloaded_error", "InternalServerError"),
    ],
)
def test_both_raise_their_own_exceptions(status: int, kind: str, raises: str) -> None:
    of_messages = orjson.dumps({"type": "error", "error": {"type": kind, "message": "why"}})
    with pytest.raises(getattr(openai, raises), match="why"):
        openai_client(of_messages, status).chat.completions.create(model="m", messages=[USER])
    of_chat = orjson.dumps({"error": {"message": "why", "type": kind, "param": None, "code": None}})
    with pytest.raises(anthropic.APIStatusError, match="why") as raised:
        anthropic_client(of_chat, status).messages.create(model="m", max_tokens=9, messages=[USER])
    assert raised.value.status_code == status
