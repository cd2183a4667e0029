from __future__ import annotations

import json
from typing import Any

import pytest

from gateway_ext.dialects.output_limits import changes
from gateway_ext.dialects.requests import read_prompt, rewrite
from gateway_ext.exchange import Endpoint, Prompt

BODIES: dict[Endpoint, dict[str, Any]] = {
    Endpoint.CHAT_COMPLETIONS: {"model": "m", "messages": [{"role": "user", "content": "hi"}]},
    Endpoint.COMPLETIONS: {"model": "m", "prompt": "hi"},
    Endpoint.RESPONSES: {"model": "m", "input": "hi"},
    Endpoint.MESSAGES: {"model": "m", "messages": [{"role": "user", "content": "hi"}], "max_tokens": 900},
    Endpoint.EMBEDDINGS: {"model": "m", "input": "hi"},
}


def prompt_of(endpoint: Endpoint, **fields: Any) -> Prompt:
    return read_prompt(endpoint, json.dumps({**BODIES[endpoint], **fields}).encode())


@pytest.mark.parametrize(
    ("endpoint", "fields", "expected"),
    [
        (Endpoint.CHAT_COMPLETIONS, {}, {"max_completion_tokens": 100}),
        (Endpoint.CHAT_COMPLETIONS, {"max_tokens": None}, {"max_completion_tokens": 100}),
        (Endpoint.CHAT_COMPLETIONS, {"max_tokens": 100}, {}),
        (Endpoint.CHAT_COMPLETIONS, {"max_tokens": 101}, {"max_tokens": 100}),
        (Endpoint.CHAT_COMPLETIONS, {"max_completion_tokens": 7, "max_tokens": 500}, {"max_tokens": 100}),
        (
            Endpoint.CHAT_COMPLETIONS,
            {"max_completion_tokens": 700, "max_tokens": 500},
            {"max_completion_tokens": 100, "max_tokens": 100},
        ),
        (Endpoint.CHAT_COMPLETIONS, {"max_output_tokens": 5}, {"max_completion_tokens": 100}),
        (Endpoint.COMPLETIONS, {}, {"max_tokens": 100}),
        (Endpoint.COMPLETIONS, {"max_completion_tokens": 5}, {"max_tokens": 100}),
        (Endpoint.RESPONSES, {}, {"max_output_tokens": 100}),
        (Endpoint.RESPONSES, {"max_output_tokens": 5000}, {"max_output_tokens": 100}),
        (Endpoint.MESSAGES, {}, {"max_tokens": 100}),
        (Endpoint.MESSAGES, {"max_tokens": 0}, {}),
        (Endpoint.EMBEDDINGS, {}, {}),
    ],
)
def test_a_limit_is_lowered_or_set(endpoint: Endpoint, fields: dict[str, Any], expected: dict[str, int]) -> None:
    assert changes(prompt_of(endpoint, **fields), 100, "max_completion_tokens") == expected


def test_what_another_endpoint_calls_a_limit_does_not_count() -> None:
    assert prompt_of(Endpoint.CHAT_COMPLETIONS, max_output_tokens=5).output_tokens_asked is None
    assert prompt_of(Endpoint.RESPONSES, max_tokens=5).output_tokens_asked is None


def test_the_limit_is_put_into_the_body_and_the_rest_stays() -> None:
    prompt = prompt_of(Endpoint.CHAT_COMPLETIONS, temperature=0.5, max_tokens=500)
    body = rewrite(prompt, model=None, include_usage=False, edits=(), fields=changes(prompt, 100, "max_tokens"))
    assert body is not None
    assert json.loads(body) == {**prompt.document, "max_tokens": 100}
    assert prompt.document["max_tokens"] == 500


@pytest.mark.parametrize(
    ("thinking", "least"),
    [
        ({"type": "enabled", "budget_tokens": 1024}, 1025),
        ({"type": "adaptive"}, 1),
        ({"budget_tokens": "many"}, 1),
        ({"budget_tokens": True}, 1),
        (None, 1),
        ("x", 1),
    ],
)
def test_an_answer_must_have_room_for_more_than_its_thoughts(thinking: object, least: int) -> None:
    assert prompt_of(Endpoint.MESSAGES, thinking=thinking).output_tokens_least == least
