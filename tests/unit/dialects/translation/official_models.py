"""What the official SDKs take for a request, an answer and an event of each wire format. For tests."""

from collections.abc import Iterable, Mapping
from typing import Any

from anthropic.types import ErrorResponse, Message, RawMessageStreamEvent
from anthropic.types.message_create_params import MessageCreateParamsNonStreaming, MessageCreateParamsStreaming
from openai.types.chat import ChatCompletion, ChatCompletionChunk
from openai.types.chat.completion_create_params import (
    CompletionCreateParamsNonStreaming,
    CompletionCreateParamsStreaming,
)
from openai.types.responses import Response, ResponseStreamEvent
from openai.types.responses.response_create_params import (
    ResponseCreateParamsNonStreaming,
    ResponseCreateParamsStreaming,
)
from pydantic import TypeAdapter

from gateway_ext.exchange import Endpoint

_REQUESTS: Mapping[tuple[Endpoint, bool], TypeAdapter[Any]] = {
    (Endpoint.CHAT_COMPLETIONS, False): TypeAdapter(CompletionCreateParamsNonStreaming),
    (Endpoint.CHAT_COMPLETIONS, True): TypeAdapter(CompletionCreateParamsStreaming),
    (Endpoint.RESPONSES, False): TypeAdapter(ResponseCreateParamsNonStreaming),
    (Endpoint.RESPONSES, True): TypeAdapter(ResponseCreateParamsStreaming),
    (Endpoint.MESSAGES, False): TypeAdapter(MessageCreateParamsNonStreaming),
    (Endpoint.MESSAGES, True): TypeAdapter(MessageCreateParamsStreaming),
}
_ANSWERS: Mapping[Endpoint, TypeAdapter[Any]] = {
    Endpoint.CHAT_COMPLETIONS: TypeAdapter(ChatCompletion),
    Endpoint.RESPONSES: TypeAdapter(Response),
    Endpoint.MESSAGES: TypeAdapter(Message),
}
_EVENTS: Mapping[Endpoint, TypeAdapter[Any]] = {
    Endpoint.CHAT_COMPLETIONS: TypeAdapter(ChatCompletionChunk),
    Endpoint.RESPONSES: TypeAdapter(ResponseStreamEvent),
    Endpoint.MESSAGES: TypeAdapter(RawMessageStreamEvent),
}


def check_request(endpoint: Endpoint, document: Mapping[str, Any]) -> None:
    """Raises pydantic.ValidationError."""
    _exhaust(_REQUESTS[endpoint, document.get("stream") is True].validate_python(dict(document)))


def check_answer(endpoint: Endpoint, document: object) -> None:
    _ANSWERS[endpoint].validate_python(document)


def check_event(endpoint: Endpoint, document: Mapping[str, Any]) -> None:
    """Errors are no events for these SDKs but exceptions."""
    if document.get("error") is None:
        _EVENTS[endpoint].validate_python(document)
    elif endpoint is Endpoint.MESSAGES:
        ErrorResponse.model_validate(document)
    else:
        assert document["error"].keys() == {"message", "type", "param", "code"}


def _exhaust(value: object) -> None:
    """Pydantic validates an Iterable while somebody iterates."""
    if isinstance(value, Mapping):
        value = value.values()
    elif isinstance(value, str | bytes) or not isinstance(value, Iterable):
        return
    for inner in value:
        _exhaust(inner)
