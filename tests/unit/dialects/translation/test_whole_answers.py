"""Answers that are not what was asked for, and errors that nobody can read."""

from typing import Any

import orjson
import pytest

from gateway_ext.dialects.answers import AnswerMalformed
from gateway_ext.dialects.translation.contract import Asked
from gateway_ext.dialects.translation.translate import Translation
from gateway_ext.exchange import Endpoint

TO_CHAT = Translation(Endpoint.CHAT_COMPLETIONS, Endpoint.MESSAGES, Asked({"model": "m"}, 5))
TO_MESSAGES = Translation(Endpoint.MESSAGES, Endpoint.CHAT_COMPLETIONS, Asked({"model": "m", "max_tokens": 9}, 5))


def completion(**message: Any) -> dict[str, Any]:
    return {"id": "chatcmpl-1", "choices": [{"index": 0, "message": message, "finish_reason": "stop"}]}


def calling(arguments: Any) -> dict[str, Any]:
    return completion(tool_calls=[{"id": "a", "type": "function", "function": {"name": "f", "arguments": arguments}}])


@pytest.mark.parametrize(
    "answer",
    [
        {},
        {"id": "msg_1", "content": "text"},
        {"id": "msg_1", "content": ["text"]},
        {"id": "msg_1", "content": [{"type": "text", "text": 5}]},
        {"id": "msg_1", "content": [{"type": "tool_use", "id": "t", "name": "f", "input": "{}"}]},
        {"id": "msg_1", "content": [{"type": "web_search_tool_result", "content": []}]},
        {"id": 5, "content": []},
        {"type": "error", "error": {"type": "api_error", "message": "…"}},
    ],
)
def test_what_is_no_message_is_withheld(answer: dict[str, Any]) -> None:
    with pytest.raises(AnswerMalformed):
        TO_CHAT.answer(orjson.dumps(answer), 200)


@pytest.mark.parametrize(
    "answer",
    [
        {},
        {"id": "chatcmpl-1", "choices": []},
        {"id": "chatcmpl-1", "choices": [{"index": 0, "text": "a completion"}]},
        {"id": "chatcmpl-1", "choices": [{"index": 0, "message": {}}, {"index": 1, "message": {}}]},
        completion(content=5),
        completion(content=[{"type": "image"}]),
        completion(tool_calls=[{"id": "a", "type": "custom", "custom": {"name": "f", "input": ""}}]),
        calling('{"a":'),
        calling("[1]"),
        calling({"a": 1}),
        {"error": {"message": "…"}},
    ],
)
def test_what_is_no_completion_is_withheld(answer: dict[str, Any]) -> None:
    with pytest.raises(AnswerMalformed):
        TO_MESSAGES.answer(orjson.dumps(answer), 200)


def test_a_call_that_was_cut_short_is_not_told() -> None:
    answer = calling('{"path": "/ho')
    answer["choices"][0]["finish_reason"] = "length"
    message = orjson.loads(TO_MESSAGES.answer(orjson.dumps(answer), 200))
    assert (message["content"], message["stop_reason"]) == ([], "max_tokens")


def test_a_call_without_an_id_gets_one() -> None:
    answer = calling("{}")
    del answer["choices"][0]["message"]["tool_calls"][0]["id"]
    message = orjson.loads(TO_MESSAGES.answer(orjson.dumps(answer), 200))
    assert message["content"][0]["id"] == "toolu_1_0"


@pytest.mark.parametrize("body", [b"", b"<html>", b'{"a":1,"a":2}', b"[]"])
def test_what_is_no_json_object_is_withheld(body: bytes) -> None:
    for translation in (TO_CHAT, TO_MESSAGES):
        with pytest.raises(AnswerMalformed):
            translation.answer(body, 200)


@pytest.mark.parametrize("body", [b"", b"<html>", b"{}", b'{"error":{"message":""}}', b'{"error":5}'])
def test_an_error_that_cannot_be_read_names_its_status(body: bytes) -> None:
    assert orjson.loads(TO_CHAT.answer(body, 504)) == {
        "error": {
            "message": "The provider answered with status 504.",
            "type": "server_error",
            "param": None,
            "code": "timeout_error",
        }
    }
    assert orjson.loads(TO_MESSAGES.answer(body, 504)) == {
        "type": "error",
        "error": {"type": "timeout_error", "message": "The provider answered with status 504."},
    }


def test_no_words_of_an_answer_are_in_what_is_raised() -> None:
    with pytest.raises(AnswerMalformed) as malformed:
        TO_MESSAGES.answer(orjson.dumps(calling('{"password": "hunter2"')), 200)
    assert "hunter2" not in repr(malformed.value)
    assert malformed.value.__cause__ is None
    assert "hunter2" not in repr(TO_MESSAGES)
