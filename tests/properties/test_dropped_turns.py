"""A conversation without its oldest turns: whole tool exchanges, everything else as it was, no more gone than needed."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from gateway_ext.dialects.requests import read_prompt
from gateway_ext.dialects.turns import field_of, turns, without_oldest
from gateway_ext.exchange import Endpoint
from gateway_ext.tokens.prompts import input_tokens, message_tokens

TEXT = st.text("ab \né", max_size=30)
ENDPOINTS = st.sampled_from([Endpoint.CHAT_COMPLETIONS, Endpoint.MESSAGES, Endpoint.RESPONSES])


@st.composite
def conversations(draw: st.DrawFn) -> tuple[Endpoint, dict[str, Any]]:
    """Turns as clients send them: with system messages in between, calls of tools in parallel, in several rounds."""
    endpoint = draw(ENDPOINTS)
    messages: list[dict[str, Any]] = []
    for turn in range(draw(st.integers(1, 6))):
        if endpoint is not Endpoint.MESSAGES and draw(st.booleans()):
            messages.append({"role": draw(st.sampled_from(["system", "developer"])), "content": draw(TEXT)})
        messages += [{"role": "user", "content": draw(TEXT)} for _ in range(draw(st.integers(1, 2)))]
        for round_ in range(draw(st.integers(0, 2))):
            calls = [f"{turn}.{round_}.{number}" for number in range(draw(st.integers(1, 3)))]
            messages += exchange(endpoint, calls, draw(TEXT))
        messages.append({"role": "assistant", "content": draw(TEXT)})
    if draw(st.booleans()):
        messages.append({"role": "user", "content": draw(TEXT)})
    return endpoint, {"model": "m", "max_tokens": 5, field_of(endpoint): messages}


def exchange(endpoint: Endpoint, calls: list[str], text: str) -> list[dict[str, Any]]:
    match endpoint:
        case Endpoint.MESSAGES:
            used = [{"type": "tool_use", "id": call, "name": "f", "input": {"q": text}} for call in calls]
            answered = [{"type": "tool_result", "tool_use_id": call, "content": text} for call in calls]
            return [{"role": "assistant", "content": used}, {"role": "user", "content": answered}]
        case Endpoint.RESPONSES:
            called = [{"type": "function_call", "call_id": call, "name": "f", "arguments": text} for call in calls]
            return [*called, *({"type": "function_call_output", "call_id": call, "output": text} for call in calls)]
        case _:
            made = [{"id": call, "type": "function", "function": {"name": "f", "arguments": text}} for call in calls]
            told = [{"role": "tool", "tool_call_id": call, "content": text} for call in calls]
            return [{"role": "assistant", "content": None, "tool_calls": made}, *told]


def ids(messages: list[dict[str, Any]], *names: str) -> set[str]:
    parts = [part for message in messages for key in ("content", "tool_calls") for part in listed(message.get(key))]
    return {each[name] for each in (*messages, *parts) for name in names if name in each}


def listed(value: Any) -> list[dict[str, Any]]:
    return value if isinstance(value, list) else []


@settings(max_examples=150, deadline=None)
@given(conversations(), st.integers(1, 400))
def test_what_is_left(conversation: tuple[Endpoint, dict[str, Any]], excess_tokens: int) -> None:
    endpoint, document = conversation
    prompt = read_prompt(endpoint, json.dumps(document).encode())
    field = field_of(endpoint)
    tokens = message_tokens(prompt, field, "o200k_base")
    before = input_tokens(prompt, "o200k_base")
    assert before is not None
    messages = document[field]
    above = [each for each in messages if each.get("role") in ("system", "developer")]
    shortened = without_oldest(endpoint, document, excess_tokens, tokens)
    if shortened is None:
        droppable = {position for turn in turns(endpoint, document)[:-1] for position in turn}
        assert sum(tokens[position] for position in droppable) < excess_tokens
        return
    kept = shortened.document[field]
    positions = [next(at for at, each in enumerate(messages) if each is message) for message in kept]
    assert positions == sorted(set(positions)), "what was there, as it was, in the same order"
    assert [each for each in kept if each.get("role") in ("system", "developer")] == above
    assert kept[-1] is messages[-1]
    assert len(kept) == len(messages) - shortened.dropped_messages
    # Exchanges are whole, and a person speaks first.
    calls = ids(kept, "tool_call_id", "tool_use_id") | ids(
        [e for e in kept if e.get("type") == "function_call_output"], "call_id"
    )
    made = ids(kept, "id") | ids([e for e in kept if e.get("type") == "function_call"], "call_id")
    assert calls == made
    assert next(each for each in kept if each not in above)["role"] == "user"
    # It is short enough by the count, which is exact, and no longer so with the last dropped turn put back.
    after = input_tokens(read_prompt(endpoint, json.dumps(shortened.document).encode()), "o200k_base")
    assert after is not None
    gone = sum(tokens[position] for position in range(len(messages)) if position not in positions)
    assert before.at_most - after.at_most == gone >= excess_tokens
    last_dropped = turns(endpoint, document)[shortened.dropped_turns - 1]
    assert gone - sum(tokens[position] for position in last_dropped) < excess_tokens
    # Nothing more goes when nothing more must.
    again = without_oldest(endpoint, shortened.document, 0, message_tokens(prompt, field, "o200k_base"))
    assert again is not None
    assert again.document == shortened.document
