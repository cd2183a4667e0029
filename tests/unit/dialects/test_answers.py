from typing import Any

import orjson
import pytest

from gateway_ext import limits
from gateway_ext.dialects.answers import AnswerMalformed, answer_texts, edit_answer, read_answer
from gateway_ext.verdict import Edit

CHAT = {
    "id": "chatcmpl-1",
    "object": "chat.completion",
    "model": "gpt-4o",
    "choices": [
        {
            "index": 0,
            "message": {
                "role": "assistant",
                "content": "Mail jane",
                "refusal": None,
                "reasoning_content": "Hm",
                "annotations": [{"type": "url_citation", "url_citation": {"url": "https://x.org", "title": "X"}}],
                "audio": {"id": "audio_1", "data": "UklGR" * 40, "transcript": "Hello", "expires_at": 1},
                "tool_calls": [
                    {
                        "id": "call_1",
                        "type": "function",
                        "function": {"name": "mail", "arguments": '{"to":"\\u004aane"}'},
                    }
                ],
            },
            "logprobs": {
                "content": [
                    {"token": "Mail", "logprob": -1, "bytes": [77], "top_logprobs": [{"token": "Male", "logprob": -2}]},
                    {"token": " jane", "logprob": -1, "bytes": [32], "top_logprobs": []},
                ],
                "refusal": None,
            },
            "finish_reason": "stop",
        }
    ],
    "usage": {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3},
}
RESPONSES = {
    "id": "resp_1",
    "object": "response",
    "status": "completed",
    "model": "gpt-4.1",
    "instructions": "Be kind",
    "metadata": {"type": "function", "jane": "id"},
    "output": [
        {
            "type": "reasoning",
            "id": "rs_1",
            "summary": [{"type": "summary_text", "text": "S"}],
            "encrypted_content": "g" * 200,
        },
        {"type": "message", "id": "msg_1", "role": "assistant", "content": [{"type": "refusal", "refusal": "No"}]},
        {"type": "function_call_output", "call_id": "call_1", "output": "Result"},
        {"type": "code_interpreter_call", "id": "ci_1", "code": "1+1", "outputs": [{"type": "logs", "logs": "2"}]},
    ],
}
MESSAGES = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "model": "claude",
    "content": [
        {"type": "thinking", "thinking": "Hm", "signature": "A" * 200},
        {"type": "redacted_thinking", "data": "B" * 200},
        {
            "type": "text",
            "text": "Hi",
            "citations": [{"type": "char_location", "cited_text": "C", "document_title": "D"}],
        },
        {"type": "tool_use", "id": "toolu_1", "name": "mail", "input": {"id": "jane", "type": "x", "data": "Y" * 200}},
    ],
    "stop_reason": "end_turn",
    "stop_sequence": None,
}


def values(document: Any) -> list[str]:
    return [text.value for text in answer_texts(document)]


def edited(document: dict[str, Any], *changes: tuple[str, str, str]) -> Any:
    """(text, part of it, replacement)"""
    texts = answer_texts(document)
    edits = []
    for value, part, replacement in changes:
        index = [text.value for text in texts].index(value)
        start = value.index(part)
        edits.append(Edit(index, start, start + len(part), replacement))
    return orjson.loads(edit_answer(orjson.dumps(document), document, texts, edits))


def test_reads_a_chat_completion() -> None:
    read = values(CHAT)
    for value in ("Mail jane", "Hm", "https://x.org", "X", "Hello", "mail", '{"to":"\\u004aane"}', "Jane", "Male"):
        assert value in read
    assert read.count("Mail jane") == 2  # its tokens say it again
    assert len(read) == 10


def test_reads_an_answer_of_the_responses_endpoint() -> None:
    assert sorted(values(RESPONSES)) == sorted(
        ["Be kind", "function", "jane", "id", "S", "No", "Result", "1+1", "2"]  # in metadata every word is the caller's
    )


def test_reads_a_message() -> None:
    assert sorted(values(MESSAGES)) == sorted(["Hm", "Hi", "C", "D", "mail", "jane", "x", "Y" * 200])


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        (
            {
                "choices": [
                    {"text": "T", "index": 0, "logprobs": {"tokens": ["T"], "top_logprobs": [{"T": -1, "U": -2}]}}
                ]
            },
            3,
        ),
        ({"error": {"message": "No such model", "type": "invalid_request_error", "param": None, "code": "E1"}}, 2),
        ({"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}, 1),
        ({"object": "list", "data": [{"object": "embedding", "index": 0, "embedding": [0.1, 0.2]}], "model": "e"}, 0),
        ({"object": "list", "data": [{"object": "embedding", "embedding": "QUJD" * 99}], "model": "e"}, 0),
        ({"brand_new": {"id": "jane", "type": "jane"}}, 3),
        ({"id": "two words", "model": "o\u00e9", "object": "Jane", "data": "short"}, 4),
        ({"finish_reason": "akia0123"}, 1),
        ({}, 0),
    ],
)
def test_reads_whatever_might_be_text(document: dict[str, Any], expected: int) -> None:
    assert len(values(document)) == expected


def test_texts_say_where_they_are() -> None:
    texts = {text.value: text for text in answer_texts({"choices": [{"message": {"content": "C", "jane": "J"}}]})}
    assert texts["C"].pointer == ("choices", 0, "message", "content")
    assert (texts["C"].place, texts["C"].role) == ("/choices/0/message/content", "assistant")
    assert texts["J"].place == "/choices/0/message/*"
    assert texts["jane"].is_key


def test_without_edits_the_bytes_are_the_same() -> None:
    body = b' {"choices" : [ ] }\n'
    assert edit_answer(body, read_answer(body), (), []) is body


def test_an_edit_changes_its_text_and_drops_the_probabilities_of_that_choice_alone() -> None:
    document = {**CHAT, "choices": [CHAT["choices"][0], {**CHAT["choices"][0], "index": 1}]}  # type: ignore[index]  # a literal of many kinds
    before = orjson.dumps(document)
    texts = answer_texts(document)
    index = next(i for i, text in enumerate(texts) if text.pointer == ("choices", 1, "message", "content"))
    after = orjson.loads(edit_answer(before, document, texts, [Edit(index, 5, 9, "[NAME]")]))
    assert after["choices"][1]["message"]["content"] == "Mail [NAME]"
    assert after["choices"][1]["logprobs"] is None
    assert after["choices"][0] == orjson.loads(before)["choices"][0]
    assert orjson.dumps(document) == before


def test_an_edit_of_probabilities_drops_them() -> None:
    after = edited(CHAT, ("Male", "Male", "*"))
    assert after["choices"][0]["logprobs"] is None
    assert after["choices"][0]["message"]["content"] == "Mail jane"


def test_a_list_of_probabilities_becomes_an_empty_list() -> None:
    part = {"type": "output_text", "text": "Hi", "logprobs": [{"token": "Hi", "bytes": [72, 105]}]}
    document = {"output": [{"content": [part]}]}
    texts = answer_texts(document)
    index = next(i for i, text in enumerate(texts) if text.pointer[-1] == "text")
    after = orjson.loads(edit_answer(b"{}", document, texts, [Edit(index, 0, 2, "*")]))
    assert after["output"][0]["content"][0] == {**part, "text": "*", "logprobs": []}


def test_an_edit_inside_arguments_leaves_them_json() -> None:
    after = edited(CHAT, ("Jane", "Jane", 'a "quote"'))
    arguments = after["choices"][0]["message"]["tool_calls"][0]["function"]["arguments"]
    assert orjson.loads(arguments) == {"to": 'a "quote"'}


def test_edits_that_cannot_be_made_are_errors() -> None:
    document = {"jane": "J"}
    texts = answer_texts(document)
    for edit in (Edit(0, 0, 4, "*"), Edit(1, 0, 2, "*"), Edit(1, 1, 1, "*")):
        with pytest.raises(ValueError):
            edit_answer(b"{}", document, texts, [edit])


@pytest.mark.parametrize("body", [b"", b"[]", b"<html>", b'{"a":1,"a":2}', b'{"a":"\xff"}', b'{"a":1}x', b'"text"'])
def test_what_is_no_strict_json_object_is_malformed(body: bytes) -> None:
    with pytest.raises(AnswerMalformed) as error:
        read_answer(body)
    assert error.value.__cause__ is None


def test_too_many_texts_are_refused() -> None:
    with pytest.raises(AnswerMalformed):
        answer_texts({"content": ["t"] * (limits.PROMPT_TEXTS_MAX + 1)})
