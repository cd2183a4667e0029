"""The simulated model's answers as a pure function, and the text it counts."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway_ext.simulator.dialect import Stream, Whole, answer
from gateway_ext.simulator.model import InvalidRequestError, pieces_of, vector

CHAT = "/v1/chat/completions"


def ask(endpoint: str, **document: object) -> Any:
    said = answer(endpoint, json.dumps(document).encode(), "us")
    assert isinstance(said, Whole)
    return json.loads(said.body)


@given(st.text())
def test_pieces_joined_are_the_text(text: str) -> None:
    assert "".join(pieces_of(text)) == text


def test_equal_requests_get_equal_answers_and_deployments_differ() -> None:
    body = json.dumps({"model": "m", "messages": [{"role": "user", "content": "hello"}]}).encode()
    assert answer(CHAT, body, "us") == answer(CHAT, body, "us")
    assert answer(CHAT, body, "us") != answer(CHAT, body, "eu")


def test_words_of_all_messages_are_counted_and_the_last_user_text_is_repeated() -> None:
    messages = [
        {"role": "system", "content": "be brief"},
        {"role": "user", "content": [{"type": "text", "text": "one two"}, {"type": "image_url", "image_url": {}}]},
        {"role": "assistant", "content": None},
        {"role": "user", "content": "three"},
    ]
    said = ask(CHAT, model="m", messages=messages)
    assert said["choices"][0]["message"]["content"] == "You said: three"
    assert said["usage"]["prompt_tokens"] == 5
    assert said["usage"]["completion_tokens"] == 3


@pytest.mark.parametrize("name", ["max_tokens", "max_completion_tokens"])
def test_the_output_limit_cuts_and_says_so(name: str) -> None:
    said = ask(CHAT, model="m", messages=[{"role": "user", "content": "a b c"}], **{name: 2})
    choice = said["choices"][0]
    assert (choice["message"]["content"], choice["finish_reason"]) == ("You said:", "length")


def test_tool_results_are_answered_with_text() -> None:
    tools = [{"type": "function", "function": {"name": "f", "parameters": {}}}]
    messages = [{"role": "user", "content": "hi"}, {"role": "tool", "tool_call_id": "1", "content": "42"}]
    said = ask(CHAT, model="m", messages=messages, tools=tools)
    assert said["choices"][0]["finish_reason"] == "stop"


def test_usage_can_be_left_out() -> None:
    body = json.dumps({"model": "m", "messages": [{"role": "user", "content": "x"}]}).encode()
    said = answer(CHAT, body, "us", with_usage=False)
    assert isinstance(said, Whole)
    assert "usage" not in json.loads(said.body)


def test_a_responses_stream_without_usage_has_none_in_any_event() -> None:
    body = json.dumps({"model": "m", "input": "x", "stream": True}).encode()
    said = answer("/v1/responses", body, "us", with_usage=False)
    assert isinstance(said, Stream)
    assert not any(b"input_tokens" in frame for frame in said.frames)


@pytest.mark.parametrize(
    ("endpoint", "body", "param"),
    [
        (CHAT, b"{", None),
        (CHAT, b"[" * 100_000, None),
        (CHAT, b"[]", None),
        (CHAT, b'{"model":"m","messages":[]}', "messages"),
        (CHAT, b'{"messages":[{"role":"user","content":"x"}]}', "model"),
        (CHAT, b'{"model":"m","messages":[{"role":"user","content":"x"}],"n":0}', "n"),
        (CHAT, b'{"model":"m","messages":[{"role":"user","content":"x"}],"max_tokens":true}', "max_tokens"),
        (CHAT, b'{"model":"m","messages":[{"role":"user"}],"tool_choice":{"function":{"name":"g"}}}', "tool_choice"),
        ("/v1/completions", b'{"model":"m","prompt":[1]}', "prompt"),
        ("/v1/responses", b'{"model":"m","input":[]}', "input"),
        ("/v1/embeddings", b'{"model":"m","input":[]}', "input"),
        ("/v1/embeddings", b'{"model":"m","input":"x","dimensions":0}', "dimensions"),
    ],
)
def test_wrong_requests_are_refused_by_the_member_at_fault(endpoint: str, body: bytes, param: str | None) -> None:
    with pytest.raises(InvalidRequestError) as refused:
        answer(endpoint, body, "us")
    assert refused.value.param == param


@given(st.text(), st.integers(1, 200))
def test_vectors_have_unit_length(text: str, dimensions: int) -> None:
    values = vector(text, dimensions)
    assert len(values) == dimensions
    assert sum(value * value for value in values) == pytest.approx(1.0)
