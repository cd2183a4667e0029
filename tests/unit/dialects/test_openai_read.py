import json
from typing import Any

import pytest

from gateway_ext import limits
from gateway_ext.dialects.openai_read import read_prompt
from gateway_ext.errors import BodyInvalid
from gateway_ext.exchange import Endpoint, Prompt

CHAT: dict[str, Any] = {"model": "m", "messages": [{"role": "user", "content": "hi"}]}
LEGACY: dict[str, Any] = {"model": "m", "prompt": "hi"}
EMBED: dict[str, Any] = {"model": "m", "input": "hi"}
RESPONSE: dict[str, Any] = {"model": "m", "input": "hi"}


def read(endpoint: Endpoint, document: dict[str, Any]) -> Prompt:
    return read_prompt(endpoint, json.dumps(document).encode())


def test_reads_what_is_asked_for() -> None:
    document = {**CHAT, "stream": True, "stream_options": {"include_usage": True}, "max_tokens": 7, "n": 3}
    prompt = read(Endpoint.CHAT_COMPLETIONS, document)
    assert (prompt.model, prompt.is_stream, prompt.asked_for_usage) == ("m", True, True)
    assert (prompt.output_tokens_asked, prompt.choices) == (21, 3)
    assert prompt.document == document
    assert prompt.body_bytes == len(json.dumps(document))
    assert [text.value for text in prompt.texts] == ["hi"]


def test_absent_and_null_are_the_same() -> None:
    nulls = dict.fromkeys(["stream", "stream_options", "max_tokens", "max_completion_tokens", "n"])
    prompt = read(Endpoint.CHAT_COMPLETIONS, {**CHAT, **nulls})
    assert (prompt.is_stream, prompt.asked_for_usage) == (False, False)
    assert (prompt.output_tokens_asked, prompt.choices) == (None, 1)


@pytest.mark.parametrize(
    ("endpoint", "document", "output_tokens", "choices"),
    [
        (Endpoint.CHAT_COMPLETIONS, {**CHAT, "max_completion_tokens": 9, "max_tokens": 5}, 9, 1),
        (Endpoint.CHAT_COMPLETIONS, {**CHAT, "max_completion_tokens": 5, "max_tokens": 9}, 9, 1),
        (Endpoint.COMPLETIONS, {**LEGACY, "max_tokens": 5, "n": 2, "best_of": 4}, 20, 4),
        (Endpoint.COMPLETIONS, {**LEGACY, "prompt": ["a", "b"], "max_tokens": 5, "n": 2}, 20, 4),
        (Endpoint.COMPLETIONS, {**LEGACY, "prompt": [[1, 2], [3]], "max_tokens": 5}, 10, 2),
        (Endpoint.COMPLETIONS, {**LEGACY, "prompt": [1, 2, 3], "max_tokens": 5}, 5, 1),
        (Endpoint.COMPLETIONS, {"model": "m", "max_tokens": 5}, 5, 1),
        (Endpoint.EMBEDDINGS, {**EMBED, "input": ["a", "b"]}, 0, 1),
        (Endpoint.EMBEDDINGS, {**EMBED, "input": [[1, 2], [3]]}, 0, 1),
        (Endpoint.RESPONSES, {**RESPONSE, "max_output_tokens": 100}, 100, 1),
        (Endpoint.RESPONSES, {"model": "m", "input": [{"role": "user", "content": "hi"}]}, None, 1),
        (Endpoint.RESPONSES, {"model": "m"}, None, 1),
    ],
)
def test_bounds_of_the_output(
    endpoint: Endpoint, document: dict[str, Any], output_tokens: int | None, choices: int
) -> None:
    prompt = read(endpoint, document)
    assert (prompt.output_tokens_asked, prompt.choices) == (output_tokens, choices)


def test_responses_always_report_usage_and_embeddings_never_stream() -> None:
    assert read(Endpoint.RESPONSES, {**RESPONSE, "stream": True}).asked_for_usage
    assert not read(Endpoint.EMBEDDINGS, {**EMBED, "stream": True}).is_stream


WRONG: list[tuple[Endpoint, str, list[Any]]] = [
    (Endpoint.CHAT_COMPLETIONS, "model", [None, "", " \n", 4, ["m"], "m" * 257]),
    (Endpoint.CHAT_COMPLETIONS, "stream", [1, "true", []]),
    (Endpoint.CHAT_COMPLETIONS, "stream_options", [True, "x", []]),
    (Endpoint.CHAT_COMPLETIONS, "messages", [None, "hi", {}, [], ["hi"], [{}, None]]),
    (Endpoint.COMPLETIONS, "prompt", [{}, 4, [], ["a", 1], [[1], ["a"]], [[]]]),
    (Endpoint.EMBEDDINGS, "input", [None, {}, 4, [], ["a", [1]], [{"text": "a"}]]),
    (Endpoint.RESPONSES, "input", [{}, 4, [], ["a"], [1, 2]]),
    *[
        (Endpoint.CHAT_COMPLETIONS, field, [0, -1, 1.0, "5", True, 2**62])
        for field in ("max_tokens", "max_completion_tokens", "max_output_tokens", "n", "best_of")
    ],
]


@pytest.mark.parametrize(
    ("endpoint", "change", "param"),
    [
        *[(endpoint, {field: value}, field) for endpoint, field, values in WRONG for value in values],
        (Endpoint.CHAT_COMPLETIONS, {"stream_options": {"include_usage": 1}}, "include_usage"),
        (Endpoint.COMPLETIONS, {"prompt": ["a"] * 100, "n": 100}, "n"),
    ],
)
def test_refuses_wrong_shapes_naming_the_field(endpoint: Endpoint, change: dict[str, Any], param: str) -> None:
    base = {Endpoint.CHAT_COMPLETIONS: CHAT, Endpoint.COMPLETIONS: LEGACY}.get(endpoint, EMBED)
    with pytest.raises(BodyInvalid) as caught:
        read(endpoint, {**base, **change})
    assert caught.value.param == param
    assert param in str(caught.value) or param == "n"


@pytest.mark.parametrize("key", ["Model", "MESSAGES", "Max_Tokens", "\u017ftream", "N"])
def test_refuses_fields_that_another_server_would_take_for_known_ones(key: str) -> None:
    with pytest.raises(BodyInvalid, match="lower case") as caught:
        read(Endpoint.CHAT_COMPLETIONS, {**CHAT, key: 1})
    assert caught.value.param == key.casefold()


def test_unknown_fields_pass() -> None:
    document = {**CHAT, "top_k": 40, "x-router": {"deep": [True, None, 1.5]}}
    assert read(Endpoint.CHAT_COMPLETIONS, document).document == document


def test_the_longest_model_name_passes() -> None:
    name = "m" * limits.MODEL_NAME_CHARACTERS_MAX
    assert read(Endpoint.CHAT_COMPLETIONS, {**CHAT, "model": name}).model == name


def test_an_endpoint_without_prompt_is_a_mistake_of_ours() -> None:
    with pytest.raises(ValueError, match="takes no prompt"):
        read(Endpoint.MODELS, CHAT)
