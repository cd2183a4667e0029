from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from gateway_ext.attachments.finding import with_attachments
from gateway_ext.dialects.requests import read_prompt
from gateway_ext.exchange import Endpoint, Prompt, Text
from gateway_ext.limits import IMAGE_TOKENS_MAX
from gateway_ext.tokens.counting import PIECE_CHARACTERS, CountingLate
from gateway_ext.tokens.prompts import (
    ATTACHMENT_TOKENS,
    guessed_message_tokens,
    guessed_tokens,
    input_tokens,
    likely_tokens,
    message_tokens,
)
from gateway_ext.tokens.vocabularies import encoding

PROSE = "Budgets are kept by holding the most that a request can cost before any model is called. " * 200


def read(document: dict[str, Any], endpoint: Endpoint = Endpoint.CHAT_COMPLETIONS) -> Prompt:
    return with_attachments(read_prompt(endpoint, json.dumps({"model": "m", **document}).encode()))


def chat(*contents: Any, **fields: Any) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": content} for content in contents], **fields}


def counted(text: str) -> int:
    return len(encoding("o200k_base").encode_ordinary(text))


def test_texts_are_counted_and_the_rest_is_bounded() -> None:
    prompt = read(chat(PROSE))
    tokens = input_tokens(prompt, "o200k_base")
    assert tokens is not None
    assert tokens.at_least == pytest.approx(counted(PROSE), abs=16)
    assert counted(PROSE) < tokens.at_most < counted(PROSE) + 250 < prompt.body_bytes / 4


def test_escapes_cost_nothing() -> None:
    plain, escaped = (
        with_attachments(read_prompt(Endpoint.CHAT_COMPLETIONS, body)) for body in bodies("Grüße 你好 " * 500)
    )
    assert plain.body_bytes < escaped.body_bytes
    assert input_tokens(plain, "o200k_base") == input_tokens(escaped, "o200k_base")


def bodies(text: str) -> tuple[bytes, bytes]:
    document = {"model": "m", **chat(text)}
    return json.dumps(document, ensure_ascii=False).encode(), json.dumps(document).encode()


def test_a_text_inside_a_text_is_counted_once() -> None:
    arguments = json.dumps({"city": "Paris \u2028 " * 300})
    call = {"id": "c", "type": "function", "function": {"name": "f", "arguments": arguments}}
    tokens = input_tokens(read({"messages": [{"role": "assistant", "tool_calls": [call]}]}), "o200k_base")
    assert tokens is not None
    assert tokens.at_most < counted(arguments) + 350


def test_a_picture_keeps_its_bound() -> None:
    data = "data:image/png;base64," + "iVBORw0KGgo" * 40
    parts = [{"type": "text", "text": PROSE}, {"type": "image_url", "image_url": {"url": data}}]
    tokens = input_tokens(read(chat(parts)), "o200k_base")
    assert tokens is not None
    assert tokens.at_most > IMAGE_TOKENS_MAX + counted(PROSE)
    assert tokens.at_least < counted(PROSE) + 16


def test_the_inputs_of_a_batch_have_a_context_each() -> None:
    tokens = input_tokens(read({"input": [PROSE, "short", PROSE]}, Endpoint.EMBEDDINGS), "o200k_base")
    assert tokens is not None
    assert tokens.at_least == pytest.approx(counted(PROSE), abs=16)
    assert tokens.at_most > 2 * counted(PROSE)


def test_what_may_not_reach_the_model_is_not_sure_to_be_input() -> None:
    tokens = input_tokens(read(chat("hi", metadata={"note": PROSE}, user=PROSE)), "o200k_base")
    assert tokens is not None
    assert tokens.at_least == counted("hi")
    assert tokens.at_most > 2 * counted(PROSE)


@pytest.mark.parametrize(
    ("document", "endpoint"),
    [
        ({"input": "hi", "previous_response_id": "r"}, Endpoint.RESPONSES),
        ({"input": "hi", "prompt": {"id": "pmpt_1"}}, Endpoint.RESPONSES),
        ({"input": "hi", "truncation": "auto"}, Endpoint.RESPONSES),
        ({"input": "hi", "tools": [{"type": "web_search"}]}, Endpoint.RESPONSES),
        (chat("hi", web_search_options={}), Endpoint.CHAT_COMPLETIONS),
        (chat("hi", max_tokens=5, mcp_servers=[{"type": "url", "url": "https://mcp.example"}]), Endpoint.MESSAGES),
    ],
)
def test_nobody_can_count_what_a_provider_adds_or_leaves_out(document: dict[str, Any], endpoint: Endpoint) -> None:
    assert input_tokens(read(document, endpoint), "o200k_base") is None


def test_counting_ends_when_time_is_up() -> None:
    answers = iter([False, False, True])
    with pytest.raises(CountingLate):
        input_tokens(read(chat("a" * 4 * PIECE_CHARACTERS)), "o200k_base", lambda: next(answers))


def test_each_message_has_what_the_count_is_lower_by_without_it() -> None:
    picture = {"type": "image_url", "image_url": {"url": "https://pictures.example/1.png"}}
    document = chat("Grüße", [{"type": "text", "text": PROSE}, picture], "…" * 40)
    whole = input_tokens(read(document), "o200k_base")
    tokens = message_tokens(read(document), "messages", "o200k_base")
    assert whole is not None
    assert tokens[1] > IMAGE_TOKENS_MAX
    for position in range(3):
        without = input_tokens(
            read({"messages": [m for at, m in enumerate(document["messages"]) if at != position]}), "o200k_base"
        )
        assert without is not None
        assert whole.at_most - without.at_most == tokens[position]


def test_time_is_up_for_messages_too() -> None:
    with pytest.raises(CountingLate):
        message_tokens(read(chat(PROSE)), "messages", "o200k_base", lambda: True)


def test_a_guess_is_by_the_length_of_the_texts() -> None:
    prompt = read(
        chat("a" * 300, "é" * 300, tools=[{"type": "function", "function": {"name": "f", "description": "b" * 30}}])
    )
    assert guessed_message_tokens(prompt, "messages") == [100, 200]
    assert guessed_tokens(prompt).at_most == pytest.approx(310, abs=1)
    assert guessed_tokens(prompt).at_least == 0, "nothing is refused by it"


# --- what callers are told --------------------------------------------------------------------------------------------


def test_what_callers_are_told_is_counted_and_little_more() -> None:
    told = likely_tokens(read(chat(PROSE)), "o200k_base")
    assert counted(PROSE) < told < counted(PROSE) + 30


def test_without_a_vocabulary_it_is_a_third_of_the_bytes() -> None:
    prompt = read(
        chat(PROSE, tools=[{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}])
    )
    told = likely_tokens(prompt, "")
    assert told == pytest.approx(prompt.body_bytes / 3, abs=15)
    assert told > counted(PROSE), "rather too many"


@pytest.mark.parametrize("vocabulary", ["", "o200k_base"])
def test_a_picture_has_its_own_count_however_many_bytes_it_has(vocabulary: str) -> None:
    picture = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{'iVBORw0KGgo=' * 10_000}"}}
    told = likely_tokens(read(chat([{"type": "text", "text": "hi"}, picture])), vocabulary)
    assert ATTACHMENT_TOKENS < told < ATTACHMENT_TOKENS + 60


@pytest.mark.parametrize("vocabulary", ["", "o200k_base"])
def test_what_was_read_in_a_file_counts(vocabulary: str) -> None:
    file = {"type": "file", "file": {"filename": "a.txt", "file_data": "data:text/plain;base64,aGVsbG8="}}
    prompt = read(chat([file]))
    (attachment,) = prompt.attachments
    inside = Text(attachment.pointer, f"{attachment.place}#text", "user", PROSE, is_key=True)
    more = likely_tokens(replace(prompt, texts=(*prompt.texts, inside)), vocabulary) - likely_tokens(prompt, vocabulary)
    assert more == pytest.approx(counted(PROSE) if vocabulary else len(PROSE) / 3, abs=10)


def test_time_is_up_for_what_callers_are_told() -> None:
    with pytest.raises(CountingLate):
        likely_tokens(read(chat(PROSE)), "o200k_base", lambda: True)
