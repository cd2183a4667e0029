"""OpenAI's SDK, unchanged, running tools against simulated deployments that do not speak the Responses API."""

from typing import Any

import httpx2
import openai
import orjson
import pytest
from openai.types.responses import Response

from gateway_ext.dialects.translation.translate import translate_request
from gateway_ext.exchange import Endpoint
from gateway_ext.simulator import dialect

FUNCTION = {
    "type": "function",
    "name": "weather",
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    "strict": False,
}
CUSTOM = {"type": "custom", "name": "note", "format": {"type": "grammar", "syntax": "regex", "definition": ".+"}}
TARGETS = [Endpoint.CHAT_COMPLETIONS, Endpoint.MESSAGES]


def client(target: Endpoint) -> openai.OpenAI:
    """Behind it a gateway and a provider that serves `target` alone."""

    def serve(request: httpx2.Request) -> httpx2.Response:
        translated, way_back = translate_request(
            orjson.loads(request.content), Endpoint.RESPONSES, target, keeps_unknown=False, asked_at_seconds=7
        )
        answer = dialect.answer(target, orjson.dumps(translated), "there")
        if isinstance(answer, dialect.Whole):
            return httpx2.Response(200, content=way_back.answer(answer.body, 200))
        stream = way_back.stream()
        content = b"".join(map(stream.feed, answer.frames)) + stream.finish()
        return httpx2.Response(200, content=content, headers={"content-type": "text/event-stream"})

    http = httpx2.Client(transport=httpx2.MockTransport(serve))
    return openai.OpenAI(api_key="k", base_url="http://gateway/v1", max_retries=0, http_client=http)


def respond(sdk: openai.OpenAI, *, streams: bool, **request: Any) -> Response:
    asked: dict[str, Any] = {"model": "sim-small", "max_output_tokens": 100, **request}
    if not streams:
        answer: Response = sdk.responses.create(**asked)
        return answer
    with sdk.responses.stream(**asked) as stream:
        return stream.get_final_response()


@pytest.mark.parametrize("streams", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("target", TARGETS)
def test_a_question_is_answered(target: Endpoint, streams: bool) -> None:
    with client(target) as sdk:
        response = respond(sdk, streams=streams, input="Grüße aus Köln", instructions="Repeat it.")
    assert response.output_text == "You said: Grüße aus Köln"
    assert response.status == "completed"
    assert response.usage is not None
    assert response.usage.total_tokens == response.usage.input_tokens + response.usage.output_tokens > 0


@pytest.mark.parametrize("streams", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("target", TARGETS)
def test_an_answer_is_cut_at_the_limit(target: Endpoint, streams: bool) -> None:
    with client(target) as sdk:
        asked: dict[str, Any] = {"model": "sim-small", "input": "one two three four", "max_output_tokens": 3}
        if streams:
            response = list(sdk.responses.create(**asked, stream=True))[-1].response
        else:
            response = sdk.responses.create(**asked)
    assert response.status == "incomplete"
    assert response.incomplete_details.reason == "max_output_tokens"
    assert response.output[-1].status == "incomplete"


@pytest.mark.parametrize("tool", [FUNCTION, CUSTOM], ids=["function", "custom"])
@pytest.mark.parametrize("streams", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("target", TARGETS)
def test_a_tool_is_called_and_its_result_sent_back(target: Endpoint, streams: bool, tool: dict[str, Any]) -> None:
    turns: list[Any] = [{"role": "user", "content": "Look it up"}]
    with client(target) as sdk:
        asked = respond(sdk, streams=streams, input=turns, tools=[tool], tool_choice="required")
        call = asked.output[-1]
        assert call.type == ("function_call" if tool is FUNCTION else "custom_tool_call")
        assert call.name == tool["name"]
        if call.type == "function_call":
            assert orjson.loads(call.arguments).keys() == {"city"}
        result = {"type": f"{call.type}_output", "call_id": call.call_id, "output": "sunny"}
        turns += [*(item.model_dump() for item in asked.output), result]
        answer = respond(sdk, streams=streams, input=turns, tools=[tool])
    assert answer.status == "completed"
    assert answer.output_text.startswith("You said:")
