from __future__ import annotations

from typing import Any

import pytest

from gateway_ext.dialects.turns import Shortened, turns, without_oldest
from gateway_ext.exchange import Endpoint

CHAT, RESPONSES, MESSAGES = Endpoint.CHAT_COMPLETIONS, Endpoint.RESPONSES, Endpoint.MESSAGES


def user(content: Any = "…") -> dict[str, Any]:
    return {"role": "user", "content": content}


def assistant(content: Any = "…", **more: Any) -> dict[str, Any]:
    return {"role": "assistant", "content": content, **more}


def system(role: str = "system") -> dict[str, Any]:
    return {"role": role, "content": "…"}


def calling(*ids: str) -> dict[str, Any]:
    return assistant(None, tool_calls=[{"id": each, "type": "function", "function": {"name": "f"}} for each in ids])


def tool(call: str) -> dict[str, Any]:
    return {"role": "tool", "tool_call_id": call, "content": "…"}


def using(*ids: str) -> dict[str, Any]:
    return assistant([{"type": "text", "text": "…"}, *({"type": "tool_use", "id": each, "name": "f"} for each in ids)])


def results(*ids: str, text: str = "") -> dict[str, Any]:
    parts: list[dict[str, Any]] = [{"type": "tool_result", "tool_use_id": each, "content": "…"} for each in ids]
    return user([*parts, {"type": "text", "text": text}] if text else parts)


def item(kind: str, **more: Any) -> dict[str, Any]:
    return {"type": kind, **more}


CONVERSATIONS: dict[str, tuple[Endpoint, list[dict[str, Any]], list[tuple[int, ...]]]] = {
    "questions and answers": (CHAT, [user(), assistant(), user(), assistant(), user()], [(0, 1), (2, 3), (4,)]),
    "the system's words belong to none": (
        CHAT,
        [system(), user(), system("developer"), assistant(), user()],
        [(1, 3), (4,)],
    ),
    "said in several messages": (CHAT, [user(), user(), assistant(), user(), user()], [(0, 1, 2), (3, 4)]),
    "an answer comes first": (CHAT, [assistant(), user(), assistant()], [(0,), (1, 2)]),
    "calls of tools": (
        CHAT,
        [user(), calling("1", "2"), tool("1"), tool("2"), assistant(), user()],
        [(0, 1, 2, 3, 4), (5,)],
    ),
    "a result after somebody spoke": (
        CHAT,
        [user(), assistant(), user(), calling("1"), user(), tool("1"), assistant(), user()],
        [(0, 1), (2, 3, 4, 5, 6), (7,)],
    ),
    "calls numbered anew in each answer": (
        CHAT,
        [user(), calling("1"), tool("1"), user(), calling("1"), tool("1"), user()],
        [(0, 1, 2), (3, 4, 5), (6,)],
    ),
    "a result of nothing": (CHAT, [user(), tool("?"), user()], [(0, 1), (2,)]),
    "results that come as the user's": (
        MESSAGES,
        [user(), using("1"), results("1"), using("2"), results("2", text="go on"), assistant(), user()],
        [(0, 1, 2, 3, 4, 5), (6,)],
    ),
    "the system's words among messages": (MESSAGES, [user(), assistant(), system(), user()], [(0, 1, 2), (3,)]),
    "items": (
        RESPONSES,
        [
            system("developer"),
            item("message", role="user", content="…"),
            item("reasoning", id="r"),
            item("function_call", id="i", call_id="1", name="f", arguments="{}"),
            item("function_call_output", call_id="1", output="…"),
            item("message", role="assistant", content="…"),
            user(),
            item("mcp_approval_request", id="a"),
            user(),
            item("mcp_approval_response", approval_request_id="a", approve=True),
            user(),
        ],
        [(1, 2, 3, 4, 5), (6, 7, 8, 9), (10,)],
    ),
}


@pytest.mark.parametrize("name", CONVERSATIONS)
def test_turns(name: str) -> None:
    endpoint, messages, expected = CONVERSATIONS[name]
    assert list(turns(endpoint, document(endpoint, messages))) == expected


def document(endpoint: Endpoint, messages: list[dict[str, Any]]) -> dict[str, Any]:
    return {"model": "m", "input" if endpoint is RESPONSES else "messages": messages}


@pytest.mark.parametrize(
    ("endpoint", "fields"),
    [(RESPONSES, {"input": "hi"}), (RESPONSES, {}), (Endpoint.COMPLETIONS, {"prompt": "hi"})],
)
def test_a_request_without_messages_has_no_turns(endpoint: Endpoint, fields: dict[str, Any]) -> None:
    assert turns(endpoint, fields) == ()
    assert without_oldest(endpoint, fields, 1, []) is None


FOUR = [system(), user("a"), assistant("b"), user("c"), assistant("d"), user("e"), assistant("f"), user("g")]
TOKENS = [50, 10, 10, 10, 10, 10, 10, 10]


@pytest.mark.parametrize(("excess", "dropped"), [(1, 1), (20, 1), (21, 2), (40, 2), (41, 3), (60, 3)], ids=str)
def test_as_few_of_the_oldest_as_suffice(excess: int, dropped: int) -> None:
    shortened = without_oldest(CHAT, document(CHAT, FOUR), excess, TOKENS)
    assert shortened is not None
    kept = [FOUR[0], *FOUR[1 + 2 * dropped :]]
    assert shortened == Shortened(document(CHAT, kept), dropped, 2 * dropped)


def test_never_the_last_turn_nor_the_systems_words() -> None:
    assert without_oldest(CHAT, document(CHAT, FOUR), 61, TOKENS) is None
    assert without_oldest(CHAT, document(CHAT, [system(), user(), calling("1"), tool("1")]), 1, [9] * 4) is None


def test_nothing_too_much_nothing_dropped() -> None:
    whole = document(CHAT, FOUR)
    assert without_oldest(CHAT, whole, 0, TOKENS) == Shortened(whole, 0, 0)


def test_what_is_left_never_begins_with_the_systems_words_among_messages() -> None:
    messages = [user(), assistant(), user(), assistant(), system(), user(), assistant(), user()]
    shortened = without_oldest(MESSAGES, document(MESSAGES, messages), 1, [1] * 8)
    assert shortened is not None
    assert shortened.document["messages"] == messages[2:]
    assert without_oldest(MESSAGES, document(MESSAGES, messages), 3, [1] * 8) is None
