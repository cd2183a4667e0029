from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from gateway_ext import limits
from gateway_ext.dialects.requests import read_prompt
from gateway_ext.exchange import Endpoint, Prompt
from gateway_ext.tokens.counter import Counter, read_vocabularies
from gateway_ext.tokens.prompts import input_tokens, likely_tokens, message_tokens
from gateway_ext.tokens.vocabularies import encoding


@pytest.fixture
def counter() -> Iterator[Counter]:
    read_vocabularies(["o200k_base"])
    made = Counter()
    yield made
    made.close()


def prompt(text: str = "hi") -> Prompt:
    document = {"model": "m", "messages": [{"role": "user", "content": text}]}
    return read_prompt(Endpoint.CHAT_COMPLETIONS, json.dumps(document).encode())


async def test_a_request_is_counted_as_its_texts_are(counter: Counter) -> None:
    assert await counter.count(prompt(), "o200k_base") == input_tokens(prompt(), "o200k_base")


async def test_without_a_vocabulary_nobody_counts(counter: Counter) -> None:
    assert await counter.count(prompt(), "") is None


async def test_whoever_asks_is_told_a_number_in_any_case(counter: Counter, monkeypatch: pytest.MonkeyPatch) -> None:
    text = prompt("entrepreneurship " * 100)
    counted, guessed = likely_tokens(text, "o200k_base"), likely_tokens(text, "")
    assert counted < guessed
    assert await counter.likely(text, "o200k_base") == counted
    assert await counter.likely(text, "") == guessed
    monkeypatch.setattr(limits, "TOKEN_COUNTED_BYTES_MAX", 100)
    assert await counter.likely(text, "o200k_base") == guessed
    monkeypatch.undo()
    monkeypatch.setattr(limits, "TOKEN_DEADLINE_SECONDS", 0)
    assert await counter.likely(text, "o200k_base") == guessed


async def test_a_long_body_keeps_its_bound(counter: Counter, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "TOKEN_COUNTED_BYTES_MAX", 100)
    assert await counter.count(prompt("x" * 100), "o200k_base") is None
    assert await counter.count(prompt("x"), "o200k_base") is not None


async def test_who_waits_too_long_does_without(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "TOKEN_DEADLINE_SECONDS", 0.01)
    monkeypatch.setattr(limits, "TOKEN_COUNTED_BYTES_MAX", 64 * 1024 * 1024)
    counter = Counter()
    encoding("o200k_base")
    assert await counter.count(prompt("one two three " * 300_000), "o200k_base") is None
    counter.close()


def test_vocabularies_are_read_ahead() -> None:
    encoding.cache_clear()
    read_vocabularies(["", "o200k_base", "o200k_base"])
    assert encoding.cache_info().currsize == 1


async def test_messages_are_counted_one_by_one_under_the_same_conditions(
    counter: Counter, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = message_tokens(prompt(), "messages", "o200k_base")
    assert await counter.count_messages(prompt(), "messages", "o200k_base") == expected
    assert await counter.count_messages(prompt(), "messages", "") is None
    monkeypatch.setattr(limits, "TOKEN_COUNTED_BYTES_MAX", 1)
    assert await counter.count_messages(prompt(), "messages", "o200k_base") is None
