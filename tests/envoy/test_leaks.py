"""The ways around a guard that users of other gateways have paid for, tried on this one from end to end.

Each request holds a value where such a gateway did not look. The provider's own log says what reached it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.envoy.stack import Stack, running_stack

pytestmark = pytest.mark.envoy
KEY = "AKIA" + "Z7VQ3HX5TLRPWN2C"
IBAN = "DE89 3704 0044 0532 0130 00"
DIGITS = "37040044"


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """One of its own: its policy redacts IBANs."""
    with running_stack(tmp_path_factory.mktemp("leaks")) as running:
        running.use_policy(("guard.yaml", "detectors:\n", "detectors:\n  iban: {action: redact}\n"))
        yield running


def user(content: Any) -> dict[str, Any]:
    return {"role": "user", "content": content}


def call(arguments: str) -> dict[str, Any]:
    function = {"name": "pay", "arguments": arguments}
    return {"role": "assistant", "tool_calls": [{"id": "c1", "type": "function", "function": function}]}


def chat(*messages: dict[str, Any], **more: Any) -> tuple[str, dict[str, Any]]:
    return "/chat/completions", {"model": "assistant", "messages": list(messages), **more}


def requests(value: str) -> dict[str, tuple[str, dict[str, Any]]]:
    """The value in every place, by the name of the place."""
    tool = {"type": "function", "function": {"name": "pay", "description": f"uses {value}", "parameters": {}}}
    escaped = json.dumps({"to": value}).replace("3", "\\u0033").replace("K", "\\u004b")
    parts = [
        {"type": "text", "text": "look"},
        {"type": "image_url", "image_url": {"url": f"https://x.example/?k={value}"}},
    ]
    items = [{"role": "user", "content": [{"type": "input_text", "text": value}]}, user("and now?")]
    return {
        "an earlier message": chat(user(f"It is {value}"), {"role": "assistant", "content": "Noted."}, user("And?")),
        "an answer of the model's": chat(user("Hi"), {"role": "assistant", "content": value}, user("And?")),
        "the system prompt": chat({"role": "system", "content": f"Use {value}."}, user("Hi")),
        "a developer's message": chat({"role": "developer", "content": f"Use {value}."}, user("Hi")),
        "arguments of a tool call": chat(user("Hi"), call(json.dumps({"to": value})), user("And?")),
        "escapes in arguments of a tool call": chat(user("Hi"), call(escaped), user("And?")),
        "a tool's result": chat(user("Hi"), {"role": "tool", "tool_call_id": "c1", "content": value}),
        "a tool's description": chat(user("Hi"), tools=[tool]),
        "a part beside an image": chat(user(parts)),
        "metadata": chat(user("Hi"), metadata={"note": value}),
        "the end user's name": chat(user("Hi"), user=value),
        "a prompt in a batch": ("/completions", {"model": "assistant", "prompt": ["Hi", value]}),
        "an input to be embedded": ("/embeddings", {"model": "embedder", "input": ["Hi", value]}),
        "instructions of a response": ("/responses", {"model": "assistant", "input": "Hi", "instructions": value}),
        "an earlier item of a response": ("/responses", {"model": "assistant", "input": items}),
        "a streamed response": ("/responses", {"model": "assistant", "input": value, "stream": True}),
    }


@pytest.mark.parametrize("place", requests(""))
def test_a_blocked_key_is_refused_wherever_it_stands(stack: Stack, place: str) -> None:
    stack.forget_upstream_log()
    path, body = requests(KEY)[place]
    with stack.client() as client:
        answer = client.post(path, json=body)
    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "content_blocked")
    assert KEY not in answer.text
    assert stack.upstream_log() == []


@pytest.mark.parametrize("place", requests(""))
def test_a_printed_iban_is_redacted_wherever_it_stands(stack: Stack, place: str) -> None:
    stack.forget_upstream_log()
    path, body = requests(IBAN)[place]
    with stack.client() as client:
        answer = client.post(path, json=body)
    assert answer.status_code == 200, answer.text
    (seen,) = stack.upstream_log()
    reached = json.dumps(seen["body"]).replace("\\\\u0033", "3")
    assert "[IBAN]" in reached
    assert DIGITS not in "".join(filter(str.isdigit, reached))
    assert DIGITS not in "".join(filter(str.isdigit, answer.text))
