"""The simulator as OpenAI's own SDK sees it."""

from collections.abc import AsyncIterator
from typing import Any

import openai
import pytest
from openai import AsyncOpenAI

from gateway_ext.simulator.server import Simulator, SimulatorOptions

TOOL: Any = {
    "name": "get_weather",
    "parameters": {
        "type": "object",
        "properties": {"city": {"type": "string"}, "days": {"type": "integer"}},
        "required": ["city", "days"],
    },
}
TOOLS: Any = [{"type": "function", "function": TOOL}]


@pytest.fixture
async def client() -> AsyncIterator[AsyncOpenAI]:
    async with Simulator(SimulatorOptions(api_keys={"eu": "sk-eu"})) as simulator:
        url = f"http://127.0.0.1:{simulator.port}/eu/v1"
        async with AsyncOpenAI(base_url=url, api_key="sk-eu", max_retries=0) as client:
            yield client


async def test_chat(client: AsyncOpenAI) -> None:
    said = await client.chat.completions.create(model="m", messages=[{"role": "user", "content": "hello"}], n=2)
    assert [choice.message.content for choice in said.choices] == ["You said: hello"] * 2
    assert said.system_fingerprint == "eu"
    assert said.usage is not None
    assert said.usage.total_tokens == 4


@pytest.mark.parametrize("is_usage_asked", [True, False])
async def test_chat_stream_ends_with_usage_iff_asked(client: AsyncOpenAI, is_usage_asked: bool) -> None:
    stream = await client.chat.completions.create(
        model="m",
        messages=[{"role": "user", "content": "hello there"}],
        stream=True,
        stream_options={"include_usage": is_usage_asked},
    )
    chunks = [chunk async for chunk in stream]
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices) == "You said: hello there"
    usages = [chunk.usage for chunk in chunks if chunk.usage]
    assert [usage.completion_tokens for usage in usages] == ([4] if is_usage_asked else [])


async def test_chat_calls_a_tool_in_a_stream_the_sdk_can_assemble(client: AsyncOpenAI) -> None:
    async with client.chat.completions.stream(
        model="m",
        messages=[{"role": "user", "content": "Athens"}],
        tools=TOOLS,
    ) as stream:
        said = await stream.get_final_completion()
    calls = said.choices[0].message.tool_calls
    assert calls is not None
    assert (calls[0].function.name, calls[0].function.arguments) == ("get_weather", '{"city": "Athens", "days": 1}')
    assert said.choices[0].finish_reason == "tool_calls"


async def test_chat_does_not_call_a_tool_when_told_so(client: AsyncOpenAI) -> None:
    said = await client.chat.completions.create(
        model="m",
        messages=[{"role": "user", "content": "Athens"}],
        tools=TOOLS,
        tool_choice="none",
    )
    assert said.choices[0].message.tool_calls is None


async def test_completions(client: AsyncOpenAI) -> None:
    said = await client.completions.create(model="m", prompt="hello")
    assert said.choices[0].text == "You said: hello"
    pieces = await client.completions.create(model="m", prompt="hello", stream=True)
    assert "".join([piece.choices[0].text async for piece in pieces]) == "You said: hello"


async def test_embeddings_are_the_same_in_both_encodings(client: AsyncOpenAI) -> None:
    as_floats = await client.embeddings.create(model="m", input=["a", "b"], encoding_format="float")
    as_base64 = await client.embeddings.create(model="m", input=["a", "b"])  # the SDK asks for base64 by itself
    assert as_floats.usage.prompt_tokens == 2
    for left, right in zip(as_floats.data, as_base64.data, strict=True):
        assert left.embedding == pytest.approx(right.embedding, abs=1e-6)


async def test_responses(client: AsyncOpenAI) -> None:
    said = await client.responses.create(model="m", instructions="be brief", input="hello")
    assert said.output_text == "You said: hello"
    assert said.usage is not None
    assert (said.usage.input_tokens, said.usage.output_tokens) == (3, 3)


async def test_responses_stream(client: AsyncOpenAI) -> None:
    async with client.responses.stream(model="m", input="hello") as stream:
        kinds = [event.type async for event in stream]
        said = await stream.get_final_response()
    assert kinds[0] == "response.created"
    assert kinds[-1] == "response.completed"
    assert kinds.count("response.output_text.delta") == 3
    assert said.output_text == "You said: hello"
    assert said.usage is not None


async def test_responses_stream_calls_a_tool(client: AsyncOpenAI) -> None:
    tool: Any = {"type": "function", "strict": False, **TOOL}
    async with client.responses.stream(model="m", input="Athens", tools=[tool]) as stream:
        said = await stream.get_final_response()
    call = said.output[0]
    assert call.type == "function_call"
    assert call.arguments == '{"city": "Athens", "days": 1}'


async def test_a_cut_response_is_incomplete(client: AsyncOpenAI) -> None:
    said = await client.responses.create(model="m", input="a b c", max_output_tokens=1)
    assert said.status == "incomplete"
    stream = await client.responses.create(model="m", input="a b c", max_output_tokens=1, stream=True)
    assert [event.type async for event in stream][-1] == "response.incomplete"


async def test_models(client: AsyncOpenAI) -> None:
    listed = [model.id async for model in client.models.list()]
    assert "sim-large" in listed
    assert (await client.models.retrieve("sim-large")).owned_by == "eu"
    with pytest.raises(openai.NotFoundError):
        await client.models.retrieve("none-such")


@pytest.mark.parametrize("key", ["sk-us", ""])
async def test_a_wrong_or_missing_key_is_refused(client: AsyncOpenAI, key: str) -> None:
    with pytest.raises(openai.AuthenticationError):
        await client.with_options(api_key=key or "-").models.list()


async def test_the_key_of_one_deployment_is_not_that_of_another(client: AsyncOpenAI) -> None:
    other = str(client.base_url).replace("/eu/", "/us/")
    with pytest.raises(openai.AuthenticationError):
        await client.with_options(base_url=other).models.list()


async def test_bad_requests_are_told_in_the_sdks_terms(client: AsyncOpenAI) -> None:
    with pytest.raises(openai.BadRequestError) as refused:
        await client.chat.completions.create(model="m", messages=[])
    assert refused.value.param == "messages"
