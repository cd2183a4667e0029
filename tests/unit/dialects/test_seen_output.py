from __future__ import annotations

import json
import random
from collections.abc import Callable
from typing import Any

import pytest

from gateway_ext.dialects.seen_output import SeenOutput
from gateway_ext.dialects.sse import SseParser
from gateway_ext.dialects.usage import StreamMeter

Wrap = Callable[[str], dict[str, Any]]


def chat(text: str) -> dict[str, Any]:
    choice = {"index": 0, "delta": {"content": text}, "logprobs": None, "finish_reason": None}
    head = {"id": "chatcmpl-0123456789abcdef", "object": "chat.completion.chunk", "created": 1_741_569_952}
    return {**head, "model": "some-model-2026-01-31", "choices": [choice], "usage": None}


def padded(text: str) -> dict[str, Any]:
    return {**chat(text), "obfuscation": "x" * (hash(text) % 24)}


def message(text: str) -> dict[str, Any]:
    return {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": text}}


def response(text: str) -> dict[str, Any]:
    place = {"item_id": "msg_0123456789abcdef0123456789abcdef", "output_index": 0, "content_index": 0}
    return {"type": "response.output_text.delta", "sequence_number": 7, **place, "delta": text, "logprobs": []}


WRAPS = {"chat": chat, "padded": padded, "message": message, "response": response}
# Tokens as vocabularies cut them, about: the last two are the densest there are.
TEXTS = {
    "english": [" the", " model", " answers", " in", " a", " sentence", ",", " as", " expected", "."],
    "german": [" Die", " Gewähr", "leistung", " für", " über", "mäß", "ige", " Kosten"],
    "russian": [" модель", " отвеча", "ет", " на", " вопрос"],
    "chinese": ["模型", "回答", "了", "这个", "问", "题", "。"],
    "code": ["    return", " [", "x", " for", " x", " in", " items", "]\n", "\n", "def"],
    "digits": ["12", "345", "67", "890", "1", ","],
    "base64": ["q", "Zx", "9", "Kd", "/", "mB"],
}


def encoded(document: dict[str, Any], *, is_ascii: bool) -> bytes:
    return json.dumps(document, ensure_ascii=is_ascii, separators=(",", ":")).encode()


@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize("wrap", WRAPS)
def test_a_stream_cancelled_anywhere_is_never_counted_below_what_was_seen(wrap: str, text: str) -> None:
    """Whether tokens come one by one or many at once; and the wrapping, ten times the text, is hardly counted."""
    chance = random.Random(f"{wrap}/{text}")
    for tokens_at_once in (1, 1, 3, 40):
        for is_ascii in (True, False):
            seen, counted, sent_bytes = 0, SeenOutput(), 0
            for _ in range(chance.randint(1, 120)):
                tokens = chance.choices(TEXTS[text], k=chance.randint(1, tokens_at_once))
                data = encoded(WRAPS[wrap]("".join(tokens)), is_ascii=is_ascii)
                counted.see(data)
                seen, sent_bytes = seen + len(tokens), sent_bytes + len(data)
                assert seen <= counted.tokens + 4, (wrap, text, tokens_at_once, is_ascii)  # told are 16 more at least
            characters = len("".join(TEXTS[text])) / len(TEXTS[text])
            assert counted.tokens <= seen * max(1.5, characters + 1) + 10
            if tokens_at_once == 1:
                assert counted.tokens < sent_bytes / 3 * 2 / 3


def test_the_count_never_falls() -> None:
    chance, counted, before = random.Random(1), SeenOutput(), 0
    for _ in range(500):
        wrap = chance.choice(list(WRAPS.values()))
        counted.see(encoded(wrap("word " * chance.randint(0, 9)), is_ascii=False))
        assert counted.tokens >= before
        before = counted.tokens


@pytest.mark.parametrize(
    "data", [b"not json", b"[]", b"7", b"{}", b"\xff\xfe", b'{"choices":[{"delta":{"content":7}}]}']
)
def test_what_cannot_be_read_is_all_text(data: bytes) -> None:
    counted = SeenOutput()
    counted.see(data)
    assert 1 <= counted.tokens <= len(data)


def test_words_that_a_tool_is_called_with_count() -> None:
    call = {"index": 0, "function": {"arguments": '{"city": "Paris"}'}}
    counted = SeenOutput()
    for _ in range(10):
        counted.see(encoded({**chat(""), "choices": [{"index": 0, "delta": {"tool_calls": [call]}}]}, is_ascii=True))
    assert 10 * 6 <= counted.tokens <= 10 * 20


def test_a_meter_counts_what_carries_output_only() -> None:
    meter = StreamMeter(asked_for_usage=False)
    usage = {"choices": [], "usage": {"prompt_tokens": 1, "completion_tokens": 1}}
    for data in (encoded(chat(" word"), is_ascii=True), encoded(usage, is_ascii=True), b"[DONE]"):
        for event in SseParser().feed(b"data: " + data + b"\n\n"):
            meter.see(event)
    assert meter.seen.events == 1
