"""OpenAI's Python SDK, unmodified: base URL and key come from the environment, as its users would change them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any

import openai
import pytest
from openai.types.chat import ChatCompletionToolParam

from gateway_ext.simulator.model import vector
from tests.envoy.refusals import AWS_KEY
from tests.envoy.stack import Stack

pytestmark = pytest.mark.envoy
MODEL = "assistant"
HELLO: Any = [{"role": "user", "content": "Say hello."}]
REPLY = "You said: Say hello."
TOKENS = (2, 4, 6)  # what the simulated provider counts for these two
WEATHER: ChatCompletionToolParam = {
    "type": "function",
    "function": {
        "name": "weather",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}
ARGUMENTS = '{"city": "Say hello."}'


@pytest.fixture(params=["tls", "loopback"])
def environment(request: pytest.FixtureRequest, stack: Stack, monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """What a user sets: where the gateway is, the credential, and the authority that its certificate is of."""
    monkeypatch.setenv("OPENAI_BASE_URL", stack.tls_base_url if request.param == "tls" else stack.base_url)
    monkeypatch.setenv("OPENAI_API_KEY", stack.token())
    monkeypatch.setenv("SSL_CERT_FILE", str(stack.layout.certs / "ca.pem"))
    return monkeypatch


@pytest.fixture
def client(environment: pytest.MonkeyPatch) -> Iterator[openai.OpenAI]:
    with openai.OpenAI() as sdk:
        yield sdk


@pytest.fixture
async def async_client(environment: pytest.MonkeyPatch) -> AsyncIterator[openai.AsyncOpenAI]:
    async with openai.AsyncOpenAI() as sdk:
        yield sdk


# --- answers ---------------------------------------------------------------------------------------------------------


def test_chat(client: openai.OpenAI) -> None:
    answer = client.chat.completions.create(model=MODEL, messages=HELLO)
    assert answer.choices[0].message.content == REPLY
    assert answer.usage is not None
    assert (answer.usage.prompt_tokens, answer.usage.completion_tokens, answer.usage.total_tokens) == TOKENS


def test_chat_stream_has_no_chunk_that_nobody_asked_for(client: openai.OpenAI, stack: Stack) -> None:
    chunks = list(client.chat.completions.create(model=MODEL, messages=HELLO, stream=True))
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks) == REPLY
    assert chunks[-1].choices[0].finish_reason == "stop"
    assert not any(chunk.usage for chunk in chunks)
    assert '"include_usage":true' in stack.upstream_log()[0]["body"]  # asked for by the gateway, which must meter


def test_chat_stream_with_usage(client: openai.OpenAI) -> None:
    options: Any = {"include_usage": True}
    chunks = list(client.chat.completions.create(model=MODEL, messages=HELLO, stream=True, stream_options=options))
    assert [bool(chunk.choices) for chunk in chunks] == [True] * (len(chunks) - 1) + [False]
    usage = chunks[-1].usage
    assert usage is not None
    assert (usage.prompt_tokens, usage.completion_tokens, usage.total_tokens) == TOKENS


def test_tool_call(client: openai.OpenAI) -> None:
    answer = client.chat.completions.create(model=MODEL, messages=HELLO, tools=[WEATHER])
    (call,) = answer.choices[0].message.tool_calls or []
    assert call.type == "function"
    assert (call.function.name, call.function.arguments) == ("weather", ARGUMENTS)
    assert answer.choices[0].finish_reason == "tool_calls"


def test_tool_call_in_a_stream_and_its_result(client: openai.OpenAI) -> None:
    with client.chat.completions.stream(model=MODEL, messages=HELLO, tools=[WEATHER]) as stream:
        message = stream.get_final_completion().choices[0].message
    (call,) = message.tool_calls or []
    assert (call.function.name, call.function.arguments) == ("weather", ARGUMENTS)
    result: Any = {"role": "tool", "tool_call_id": call.id, "content": "Sunny."}
    conversation: Any = [*HELLO, message.model_dump(exclude_none=True), result]
    answer = client.chat.completions.create(model=MODEL, messages=conversation, tools=[WEATHER])
    assert answer.choices[0].message.content == REPLY


def test_embeddings_in_base64_as_the_sdk_asks_for_them(client: openai.OpenAI, stack: Stack) -> None:
    answer = client.embeddings.create(model="embedder", input=["one", "two"])
    assert [item.embedding for item in answer.data] == [pytest.approx(vector(text, 64)) for text in ("one", "two")]
    assert '"encoding_format":"base64"' in stack.upstream_log()[0]["body"]


def test_response(client: openai.OpenAI) -> None:
    answer = client.responses.create(model=MODEL, input="Say hello.")
    assert answer.output_text == REPLY
    assert answer.usage is not None
    assert (answer.usage.input_tokens, answer.usage.output_tokens, answer.usage.total_tokens) == TOKENS


def test_response_stream(client: openai.OpenAI) -> None:
    events = list(client.responses.create(model=MODEL, input="Say hello.", stream=True))
    assert [event.sequence_number for event in events if hasattr(event, "sequence_number")] == [*range(len(events))]
    assert "".join(event.delta for event in events if event.type == "response.output_text.delta") == REPLY
    last = events[-1]
    assert last.type == "response.completed"
    assert last.response.usage is not None
    assert last.response.usage.total_tokens == TOKENS[2]


def test_completion(client: openai.OpenAI) -> None:
    answer = client.completions.create(model=MODEL, prompt="Say hello.")
    assert answer.choices[0].text == REPLY
    chunks = list(client.completions.create(model=MODEL, prompt="Say hello.", stream=True))
    assert "".join(chunk.choices[0].text for chunk in chunks) == REPLY


def test_models_that_the_caller_may_use(client: openai.OpenAI) -> None:
    assert [model.id for model in client.models.list()] == ["assistant", "assistant-eu", "embedder", "frontier-only"]


async def test_fifty_requests_at_once_get_their_own_answers(async_client: openai.AsyncOpenAI) -> None:
    async def ask(number: int) -> str | None:
        messages: Any = [{"role": "user", "content": f"Number {number}"}]
        if number % 2:
            answer = await async_client.chat.completions.create(model=MODEL, messages=messages)
            return answer.choices[0].message.content
        stream = await async_client.chat.completions.create(model=MODEL, messages=messages, stream=True)
        return "".join([chunk.choices[0].delta.content or "" async for chunk in stream])

    answers = await asyncio.gather(*(ask(number) for number in range(50)))
    assert answers == [f"You said: Number {number}" for number in range(50)]


# --- refusals --------------------------------------------------------------------------------------------------------


REFUSALS: dict[str, tuple[type[openai.APIStatusError], dict[str, Any], tuple[str, str, str | None]]] = {
    "bad_request": (openai.BadRequestError, {"n": -1}, ("body_invalid", "invalid_request_error", "n")),
    "not_found": (openai.NotFoundError, {"model": "none"}, ("model_not_found", "invalid_request_error", "model")),
    "blocked": (
        openai.PermissionDeniedError,
        {"messages": [{"role": "user", "content": f"The key is {AWS_KEY}"}]},
        ("content_blocked", "policy_violation", None),
    ),
    "no_sovereign_route": (
        openai.PermissionDeniedError,
        {"model": "frontier-only", "messages": [{"role": "user", "content": "DE89 3704 0044 0532 0130 00"}]},
        ("no_sovereign_route", "policy_violation", "model"),
    ),
    "budget": (
        openai.RateLimitError,
        {"model": "frontier-only", "n": 4_096, "max_tokens": 100_000},
        ("budget_exhausted", "insufficient_quota", None),
    ),
}


@pytest.mark.parametrize("is_stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize(("exception", "changes", "says"), REFUSALS.values(), ids=REFUSALS)
def test_refusal_is_the_sdks_own_exception_and_not_retried(
    client: openai.OpenAI,
    stack: Stack,
    exception: type[openai.APIStatusError],
    changes: dict[str, Any],
    says: tuple[str, str, str | None],
    is_stream: bool,
) -> None:
    request: dict[str, Any] = {"model": MODEL, "messages": HELLO, "stream": is_stream} | changes
    with pytest.raises(exception) as caught:
        client.chat.completions.create(**request)
    error = caught.value
    assert (error.code, error.type, error.param) == says
    assert AWS_KEY not in str(error)
    assert_not_retried(error)
    assert stack.upstream_log() == []


def test_wrong_key(environment: pytest.MonkeyPatch, stack: Stack) -> None:
    environment.setenv("OPENAI_API_KEY", "sk-of-another-provider")
    with openai.OpenAI() as client, pytest.raises(openai.AuthenticationError) as caught:
        client.chat.completions.create(model=MODEL, messages=HELLO)
    assert (caught.value.code, caught.value.type) == ("unauthenticated", "authentication_error")
    assert_not_retried(caught.value)
    assert stack.upstream_log() == []


def test_endpoint_that_is_not_served(client: openai.OpenAI, stack: Stack) -> None:
    with pytest.raises(openai.NotFoundError) as caught:
        client.files.list()
    assert caught.value.code == "endpoint_unknown"
    assert stack.upstream_log() == []


def test_failing_providers_are_an_error_that_the_sdk_retries(client: openai.OpenAI, stack: Stack) -> None:
    """The counterpart of what is not retried: it shows that the SDK's count, which the tests above rely on, counts."""
    for deployment in ("us", "eu"):
        stack.simulate(deployment, fault="500")
    with pytest.raises(openai.InternalServerError) as caught:
        client.with_options(max_retries=1).chat.completions.create(model=MODEL, messages=HELLO)
    assert caught.value.request.headers["x-stainless-retry-count"] == "1"


def assert_not_retried(error: openai.APIStatusError) -> None:
    """The SDK numbers its attempts; this was the first."""
    assert error.request.headers["x-stainless-retry-count"] == "0"
