"""Fed to the client libraries themselves: each ends with its own error, with our words in it."""

import anthropic
import httpx2
import openai
import pytest
from anthropic.types import MessageParam
from openai.types.chat import ChatCompletionUserMessageParam

from gateway_ext.dialects.event_errors import blocked_events
from gateway_ext.dialects.sse import SseParser
from gateway_ext.exchange import Endpoint
from tests.unit.dialects.clients import TRANSCRIPTS

MESSAGE, CODE = "The Guard withheld the model's answer.", "answer_blocked"
USER: ChatCompletionUserMessageParam = {"role": "user", "content": "Hi"}
HUMAN: MessageParam = {"role": "user", "content": "Hi"}


def answering(endpoint: str, transcript: str, events: int) -> httpx2.MockTransport:
    """A server that cuts a stream off after some events."""
    begun = b"".join(event.raw for event in SseParser().feed(TRANSCRIPTS[transcript])[:events])
    body = begun + blocked_events(endpoint, MESSAGE, CODE, sequence_number=events)
    return httpx2.MockTransport(
        lambda _: httpx2.Response(200, headers={"content-type": "text/event-stream"}, content=body)
    )


def openai_client(endpoint: str, transcript: str, events: int) -> openai.OpenAI:
    transport = answering(endpoint, transcript, events)
    return openai.OpenAI(api_key="k", base_url="http://gateway/v1", http_client=httpx2.Client(transport=transport))


@pytest.mark.parametrize("events", [0, 5])
def test_chat_completions_of_openai_raise(events: int) -> None:
    with openai_client(Endpoint.CHAT_COMPLETIONS, "chat_text", events) as client:
        stream = client.chat.completions.create(model="m", messages=[USER], stream=True)
        with pytest.raises(openai.APIError, match=MESSAGE) as error:
            for _ in stream:
                pass
    assert (error.value.code, error.value.type) == (CODE, "policy_violation")


def test_completions_of_openai_raise() -> None:
    with openai_client(Endpoint.COMPLETIONS, "completions", 2) as client:
        stream = client.completions.create(model="m", prompt="Hi", stream=True)
        with pytest.raises(openai.APIError, match=MESSAGE):
            for _ in stream:
                pass


@pytest.mark.parametrize("events", [0, 5])
def test_responses_of_openai_raise(events: int) -> None:
    with openai_client(Endpoint.RESPONSES, "responses_text", events) as client:
        stream = client.responses.create(model="m", input="Hi", stream=True)
        with pytest.raises(openai.APIError, match=MESSAGE) as error:
            for _ in stream:
                pass
    assert error.value.code == CODE


def test_responses_put_together_by_openais_helper_raise() -> None:
    with (
        openai_client(Endpoint.RESPONSES, "responses_text", 14) as client,
        client.responses.stream(model="m", input="Hi") as stream,
        pytest.raises(openai.APIError, match=MESSAGE),
    ):
        stream.get_final_response()


@pytest.mark.parametrize("events", [0, 5])
def test_messages_of_anthropic_raise(events: int) -> None:
    transport = answering("/v1/messages", "messages", events)
    with (
        anthropic.Anthropic(
            api_key="k", base_url="http://gateway", http_client=httpx2.Client(transport=transport)
        ) as client,
        pytest.raises(anthropic.APIStatusError) as error,
    ):
        for _ in client.messages.create(model="m", max_tokens=9, messages=[HUMAN], stream=True):
            pass
    assert error.value.body == {
        "type": "error",
        "error": {"type": "permission_error", "message": MESSAGE, "code": CODE},
    }


def test_messages_put_together_by_anthropics_helper_raise() -> None:
    transport = answering("/v1/messages", "messages", 10)
    with (
        anthropic.Anthropic(
            api_key="k", base_url="http://gateway", http_client=httpx2.Client(transport=transport)
        ) as client,
        pytest.raises(anthropic.APIStatusError),
        client.messages.stream(model="m", max_tokens=9, messages=[HUMAN]) as stream,
    ):
        stream.get_final_message()


def test_an_error_of_the_gateway_is_an_api_error_to_anthropics_clients() -> None:
    events = blocked_events("/v1/messages", MESSAGE, "guard_timeout", kind="server_error")
    assert b'"type":"api_error"' in events
