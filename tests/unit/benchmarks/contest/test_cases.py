"""What `make bench` asks for: bodies are what their titles say, and new where they are to be."""

from __future__ import annotations

import json
from typing import Any

import pytest

from benchmarks.contest.cases import CASES, MARK, Case, word
from benchmarks.contestants.contestant import Contestant

CONTESTANT = Contestant("c", 1, "key", {}, (), path="/base/v1/chat/completions", model="m", embedding_model="e")
BY_NAME = {case.name: case for case in CASES}


def bodies(case: Case) -> tuple[dict[str, Any], dict[str, Any]]:
    """Of two requests."""
    request = case.request(CONTESTANT)
    first, second = (request(1), request(2)) if callable(request) else (request, request)
    assert len(first) == len(second), "the head says how long it is"
    parts = [each.partition(b"\r\n\r\n")[2] for each in (first, second)]
    assert all(f"content-length: {len(part)}\r\n".encode() in first for part in parts)
    return json.loads(parts[0]), json.loads(parts[1])


def test_words_are_letters_and_never_the_same() -> None:
    words = {word(number) for number in range(5000)}
    assert len(words) == 5000
    assert all(len(each) == len(MARK) and each.isalpha() for each in words)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_no_mark_is_left_and_the_model_is_the_contestants(case: Case) -> None:
    first, _ = bodies(case)
    assert MARK not in json.dumps(first)
    assert first["model"] == ("e" if case.is_embedding else "m")
    assert first.get("stream", False) is (case.streams > 0)


@pytest.mark.parametrize(
    ("name", "kilobytes"), [("chat", 4), ("chat-again", 4), ("findings", 4), ("blocked", 4), ("pasted-32k", 32), ("pasted-1m", 1024)]
)  # fmt: skip
def test_sizes(name: str, kilobytes: int) -> None:
    first, _ = bodies(BY_NAME[name])
    assert len(json.dumps(first)) == pytest.approx(kilobytes * 1024, rel=0.25)


def test_each_message_of_a_new_prompt_is_new_and_none_of_the_same() -> None:
    first, second = bodies(BY_NAME["chat"])
    assert all(one["content"] != two["content"] for one, two in zip(first["messages"], second["messages"], strict=True))
    first, second = bodies(BY_NAME["chat-again"])
    assert first == second


def test_of_a_conversation_only_the_question_is_new() -> None:
    first, second = bodies(BY_NAME["conversation"])
    assert len(first["messages"]) == 200
    assert first["messages"][:-1] == second["messages"][:-1]
    assert first["messages"][-1] != second["messages"][-1]
    assert first["messages"][-1]["role"] == "user"


def test_where_embeddings_are_asked() -> None:
    request = BY_NAME["embeddings"].request(CONTESTANT)
    assert callable(request)
    assert request(1).startswith(b"POST /base/v1/embeddings HTTP/1.1\r\n")


def test_what_counts() -> None:
    assert BY_NAME["chat"].expects(200)
    assert not BY_NAME["chat"].expects(403)
    assert BY_NAME["blocked"].expects(403)
    assert not BY_NAME["blocked"].expects(200)
    assert not BY_NAME["blocked"].expects(503)
