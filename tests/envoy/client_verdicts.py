"""What must come of each case of client_matrix.py, and what the provider must have been sent."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from gateway_ext.simulator.model import vector
from tests.clients.protocol import LIMIT_TOKENS, SYSTEM
from tests.envoy.client_matrix import CHAT, COUNT_TOKENS, EMBEDDINGS, ERRORS, MESSAGES, PIXEL, RESPONSES, Case

REFUSAL = "endpoint_not_served"
STOPS = {  # at the end, at a tool call, at the limit
    CHAT: ("stop", "tool_calls", "length"),
    RESPONSES: ("completed", "completed", "max_output_tokens"),
    MESSAGES: ("end_turn", "tool_use", "max_tokens"),
}
PICTURES = {CHAT: "image_url", RESPONSES: "input_image", MESSAGES: "image"}


def verdict(case: Case, outcome: Mapping[str, Any], arrived: Sequence[Mapping[str, Any]]) -> str:
    """`ok`, the code of a refusal by design, or what is wrong. `arrived`: the requests that the provider has seen of it."""
    if case.wire is None:
        errors = [outcome] if "code" in outcome else outcome.values()
        is_refused = all(_raised(error, "exception", "code") == ["BadRequestError", REFUSAL] for error in errors)
        return REFUSAL if is_refused and not arrived else f"wrong: {outcome}, sent: {len(arrived)}"
    if case.name in ERRORS:  # codes are the provider's own
        outcome = {way: _raised(error, "exception", "status") for way, error in outcome.items()}
    if outcome != (wanted := _expected(case)):
        return f"wrong: {outcome} instead of {wanted}"
    if {seen["path"] for seen in arrived} != ({f"/{case.deployment}{case.wire}"} if case.wire else set()):
        return f"wrong: sent to {sorted(seen['path'] for seen in arrived)}"
    return "ok" if all(_is_complete(case, json.loads(seen["body"])) for seen in arrived) else "wrong: sent without it"


def _raised(error: object, *members: str) -> list[Any] | None:
    """These members of an exception's description; None where none was raised."""
    return [error[member] for member in members] if isinstance(error, dict) else None


def _expected(case: Case) -> dict[str, Any]:
    if case.name in ERRORS:
        return _errors(case)
    if case.endpoint == EMBEDDINGS:
        return _embedded(case)
    if case.endpoint == COUNT_TOKENS:  # the simulator counts words, the gateway guesses by the length
        return {"tokens": len(case.text.split()) if case.wire else pytest.approx(len(case.text) / 3 + 30, abs=15)}
    reply = f"You said: {case.text}"
    end, at_call, at_limit = STOPS[case.client.words.get(case.endpoint, case.endpoint)]
    usage = [len(case.text.split()), len(reply.split())]
    called = {"call": ["weather", {"city": case.text}], "stop": at_call, "final": reply}
    facts: dict[str, dict[str, Any]] = {
        "answer": {"text": reply, "stop": end},
        "stream": {"text": reply, "stop": end, "is_in_pieces": True},
        "tool call": called,
        "streamed tool call": called,
        "system prompt": {"text": reply},
        "image": {"text": reply},
        "usage": {"whole": usage, "stream": usage},
        "limit": {"text": [" ".join(reply.split()[:LIMIT_TOKENS])] * 2, "stop": [at_limit] * 2},
    }
    return facts[case.name]


def _embedded(case: Case) -> dict[str, Any]:
    if case.name == "usage":
        return {"usage": None if case.client.name == "LangChain" else len(f"{case.text} two".split())}
    return {"vectors": [pytest.approx(vector(text, 64)) for text in (case.text, "two")]}


def _errors(case: Case) -> dict[str, Any]:
    error = {
        "429": ["RateLimitError", 429],
        "400": ["BadRequestError", 400],
        "529": list(case.client.overloaded[case.endpoint]),
    }[case.name]
    return {"whole": error} if case.endpoint == EMBEDDINGS else {"whole": error, "stream": error}


def _is_complete(case: Case, sent: Mapping[str, Any]) -> bool:
    """Whether system prompt and image stand where the provider's wire format has them."""
    turns = sent["input" if case.wire == RESPONSES else "messages"] if case.wire != EMBEDDINGS else []
    match case.name:
        case "system prompt":
            first = turns[0] if turns[0]["role"] in {"system", "developer"} else None
            return SYSTEM in json.dumps(sent.get("system") or sent.get("instructions") or first)
        case "image":
            pictures = [part for part in turns[-1]["content"] if part["type"] == PICTURES[case.wire or ""]]
            return len(pictures) == 1 and PIXEL in json.dumps(pictures)
    return True
