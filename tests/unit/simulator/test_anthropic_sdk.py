"""The simulator as Anthropic's own SDK sees it."""

from collections.abc import AsyncIterator
from typing import Any

import anthropic
import httpx
import pytest
from anthropic import AsyncAnthropic

from gateway_ext.simulator.server import Simulator, SimulatorOptions

TOOL: Any = {
    "name": "get_weather",
    "input_schema": {
        "type": "object",
        "properties": {"city": {"type": "string"}, "days": {"type": "integer"}},
        "required": ["city", "days"],
    },
}
KEY = {"x-api-key": "sk-eu"}  # newer SDKs send the key as a bearer token, providers take it here as well
HELLO: Any = {"model": "m", "max_tokens": 50, "messages": [{"role": "user", "content": "hello there"}]}


@pytest.fixture
async def base_url() -> AsyncIterator[str]:
    async with Simulator(SimulatorOptions(api_keys={"eu": "sk-eu"})) as simulator:
        yield f"http://127.0.0.1:{simulator.port}/eu"


@pytest.fixture
async def client(base_url: str) -> AsyncIterator[AsyncAnthropic]:
    async with AsyncAnthropic(base_url=base_url, api_key="sk-eu", max_retries=0, default_headers=KEY) as client:
        yield client


async def test_message(client: AsyncAnthropic) -> None:
    said = await client.messages.create(**HELLO, system="Be brief.")
    assert [block.model_dump(include={"type", "text"}) for block in said.content] == [
        {"type": "text", "text": "You said: hello there"}
    ]
    assert (said.type, said.role, said.model, said.stop_reason) == ("message", "assistant", "m", "end_turn")
    assert (said.usage.input_tokens, said.usage.output_tokens) == (4, 4)


async def test_stream_the_sdk_can_assemble(client: AsyncAnthropic) -> None:
    async with client.messages.stream(**HELLO) as stream:
        pieces = [piece async for piece in stream.text_stream]
        said = await stream.get_final_message()
    assert pieces == ["You", " said:", " hello", " there"]
    assert (said.stop_reason, said.usage.input_tokens, said.usage.output_tokens) == ("end_turn", 2, 4)


@pytest.mark.parametrize("is_stream", [False, True])
async def test_tool_use(client: AsyncAnthropic, is_stream: bool) -> None:
    if is_stream:
        async with client.messages.stream(**HELLO, tools=[TOOL]) as stream:
            said = await stream.get_final_message()
    else:
        said = await client.messages.create(**HELLO, tools=[TOOL])
    (call,) = said.content
    assert call.type == "tool_use"
    assert (call.name, call.input, said.stop_reason) == ("get_weather", {"city": "hello there", "days": 1}, "tool_use")


@pytest.mark.parametrize(
    ("choice", "kind"),
    [({"type": "none"}, "text"), ({"type": "auto"}, "tool_use"), ({"type": "tool", "name": "get_weather"}, "tool_use")],
)
async def test_choice_of_a_tool(client: AsyncAnthropic, choice: Any, kind: str) -> None:
    said = await client.messages.create(**HELLO, tools=[TOOL], tool_choice=choice)
    assert [block.type for block in said.content] == [kind]


async def test_no_tool_once_its_result_is_there(client: AsyncAnthropic) -> None:
    result = {"type": "tool_result", "tool_use_id": "toolu_1", "content": "Sunny."}
    messages: Any = [*HELLO["messages"], {"role": "user", "content": [result]}]
    said = await client.messages.create(**HELLO | {"messages": messages}, tools=[TOOL])
    assert [block.type for block in said.content] == ["text"]


async def test_no_tool_when_the_model_is_told_something_behind_its_result(client: AsyncAnthropic) -> None:
    result = {"type": "tool_result", "tool_use_id": "toolu_1", "content": "Sunny."}
    told = {"role": "system", "content": "Be brief."}
    messages: Any = [*HELLO["messages"], {"role": "user", "content": [result]}, told]
    said = await client.messages.create(**HELLO | {"messages": messages}, tools=[TOOL])
    assert [block.type for block in said.content] == ["text"]


async def test_tokens_are_counted_as_a_message_would_report_them(client: AsyncAnthropic) -> None:
    asked = {name: value for name, value in HELLO.items() if name != "max_tokens"}
    counted = await client.messages.count_tokens(**asked, system="Be brief.")
    said = await client.messages.create(**HELLO, system="Be brief.")
    assert counted.input_tokens == said.usage.input_tokens == 4


async def test_limit_of_the_output(client: AsyncAnthropic) -> None:
    said = await client.messages.create(**HELLO | {"max_tokens": 2})
    assert (said.stop_reason, said.usage.output_tokens) == ("max_tokens", 2)
    cut = await client.messages.create(**HELLO | {"max_tokens": 2}, tools=[TOOL])
    assert [block.type for block in cut.content] == ["tool_use"]
    only_cached = await client.messages.create(**HELLO | {"max_tokens": 0})
    assert only_cached.usage.output_tokens == 0


async def test_what_is_marked_comes_from_the_cache_and_counts_apart(client: AsyncAnthropic) -> None:
    system: Any = [{"type": "text", "text": "one two three", "cache_control": {"type": "ephemeral"}}]
    said = await client.messages.create(**HELLO, system=system)
    assert (said.usage.input_tokens, said.usage.cache_read_input_tokens) == (2, 3)


@pytest.mark.parametrize(
    ("changes", "exception", "kind"),
    [
        ({"max_tokens": -1}, anthropic.BadRequestError, "invalid_request_error"),
        ({"messages": []}, anthropic.BadRequestError, "invalid_request_error"),
        ({"extra_headers": {"x-api-key": "sk-other"}}, anthropic.AuthenticationError, "authentication_error"),
    ],
)
async def test_errors(client: AsyncAnthropic, changes: Any, exception: type[Exception], kind: str) -> None:
    with pytest.raises(exception) as caught:
        await client.messages.create(**HELLO | changes)
    body: Any = caught.value.body  # type: ignore[attr-defined]  # of the SDK's status errors
    assert (body["type"], body["error"]["type"]) == ("error", kind)


@pytest.mark.parametrize(("fault", "status", "kind"), [("429", 429, "rate_limit_error"), ("500", 500, "api_error")])
async def test_faults_in_the_dialects_form(base_url: str, fault: str, status: int, kind: str) -> None:
    headers = KEY | {"anthropic-version": "2023-06-01"}
    async with httpx.AsyncClient() as http:
        control = base_url.replace("/eu", "/_control")
        await http.post(control, json={"deployment": "eu", "fault": fault})
        answer = await http.post(f"{base_url}/v1/messages", json=HELLO, headers=headers)
        assert (answer.status_code, answer.json()["error"]["type"]) == (status, kind)
        await http.post(control, json={"deployment": "eu", "fault": "no_usage"})
        for is_stream in (False, True):
            answer = await http.post(f"{base_url}/v1/messages", json=HELLO | {"stream": is_stream}, headers=headers)
            assert answer.status_code == 200
            assert "usage" not in answer.text
        await http.post(control, json={"deployment": "eu", "fault": "malformed_sse"})
        answer = await http.post(f"{base_url}/v1/messages", json=HELLO | {"stream": True}, headers=headers)
        assert "message_stop" not in answer.text


async def test_version_of_the_dialect_is_required(base_url: str) -> None:
    async with httpx.AsyncClient() as http:
        answer = await http.post(f"{base_url}/v1/messages", json=HELLO, headers=KEY)
    assert (answer.status_code, answer.json()["error"]["type"]) == (400, "invalid_request_error")
