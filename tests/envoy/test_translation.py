"""Callers of one wire format, deployments of another, on a real Envoy: the first attempt, the fallback, the way back."""

from __future__ import annotations

import json
from collections.abc import Iterator

import httpx
import pytest

from tests.envoy.stack import Stack

pytestmark = pytest.mark.envoy
EVERYTHING = "[/v1/chat/completions, /v1/completions, /v1/embeddings, /v1/responses, /v1/messages]"
CHAT = {"model": "assistant", "max_tokens": 100, "messages": [{"role": "user", "content": "Say hello."}]}
SERVES = {"/v1/messages": "dialect: anthropic", "/v1/chat/completions": "endpoints: [/v1/chat/completions]"}
REPLY = "You said: Say hello."


@pytest.fixture(autouse=True)
def _the_first_policy_again(stack: Stack) -> Iterator[None]:
    stack.forget_upstream_log()
    yield
    stack.simulate("us", fault=None)
    stack.use_policy()


def speak(stack: Stack, us: str, eu: str) -> None:
    """Have each deployment serve this endpoint only: one that speaks messages is asked as Anthropic is."""
    stack.use_policy(
        *(
            ("providers.yaml", f'/{name}/v1"\n    endpoints: {EVERYTHING}', f'/{name}/v1"\n    {SERVES[endpoint]}')
            for name, endpoint in (("us", us), ("eu", eu))
        )
    )


def paths(stack: Stack) -> list[str]:
    return [seen["path"] for seen in stack.upstream_log()]


@pytest.fixture
def client(stack: Stack) -> Iterator[httpx.Client]:
    with stack.client() as http:
        yield http


@pytest.mark.parametrize("eu", ["/v1/messages", "/v1/chat/completions"])
def test_the_first_attempt_is_translated_and_so_is_its_answer(stack: Stack, client: httpx.Client, eu: str) -> None:
    speak(stack, "/v1/messages", eu)
    answer = client.post("/chat/completions", json=CHAT)
    assert answer.status_code == 200, answer.text
    assert answer.json()["choices"][0]["message"]["content"] == REPLY
    assert paths(stack) == ["/us/v1/messages"]
    (seen,) = stack.upstream_log()
    assert not any(name.startswith(("x-gateway-", "x-envoy-")) for name in seen["headers"])
    with client.stream("POST", "/chat/completions", json={**CHAT, "stream": True}) as stream:
        events = [line[6:] for line in stream.iter_lines() if line.startswith("data: ")]
    assert events[-1] == "[DONE]"
    chunks = [json.loads(event) for event in events[:-1]]
    assert "".join(choice["delta"].get("content") or "" for each in chunks for choice in each["choices"]) == REPLY


@pytest.mark.parametrize(
    ("us", "eu", "expected"),
    [
        ("/v1/messages", "/v1/chat/completions", ["/us/v1/messages", "/eu/v1/chat/completions"]),
        ("/v1/chat/completions", "/v1/messages", ["/us/v1/chat/completions", "/eu/v1/messages"]),
        ("/v1/messages", "/v1/messages", ["/us/v1/messages", "/eu/v1/messages"]),
    ],
)
def test_a_fallback_speaks_its_own_format(
    stack: Stack, client: httpx.Client, us: str, eu: str, expected: list[str]
) -> None:
    speak(stack, us, eu)
    stack.simulate("us", fault="500")
    answer = client.post("/chat/completions", json=CHAT)
    assert answer.status_code == 200, answer.text
    assert answer.json()["choices"][0]["message"]["content"] == REPLY
    assert paths(stack) == expected
