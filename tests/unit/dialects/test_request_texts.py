import json
from typing import Any

import pytest

from gateway_ext import limits
from gateway_ext.dialects import request_texts
from gateway_ext.dialects.openai_schema import OPENAI
from gateway_ext.errors import BodyInvalid
from gateway_ext.exchange import Text


def texts_of(document: dict[str, Any]) -> tuple[Text, ...]:
    return request_texts.texts_of(document, OPENAI)


def seen(document: dict[str, Any]) -> set[tuple[str, str, str]]:
    return {(text.place, text.role, text.value) for text in texts_of(document)}


def test_every_role_part_tool_and_result_of_a_chat_is_read() -> None:
    document = {
        "model": "m",
        "messages": [
            {"role": "system", "content": "s0", "name": "s1"},
            {
                "role": "user",
                "content": [
                    {"type": "text", "text": "u0"},
                    {"type": "image_url", "image_url": {"url": "data:image/png;base64,QUJD", "detail": "low"}},
                    {"type": "file", "file": {"filename": "f.pdf", "file_data": "ZGF0YQ=="}},
                ],
            },
            {
                "role": "assistant",
                "content": None,
                "refusal": "a0",
                "tool_calls": [{"id": "c1", "type": "function", "function": {"name": "f", "arguments": '{"q": "x"}'}}],
            },
            {"role": "tool", "tool_call_id": "c1", "content": "t0"},
        ],
        "tools": [
            {
                "type": "function",
                "function": {
                    "name": "f",
                    "description": "d0",
                    "parameters": {"type": "object", "properties": {"q": {"type": "string", "enum": ["e0"]}}},
                },
            }
        ],
        "user": "user-7",
    }
    assert seen(document) == {
        ("/messages/0/content", "system", "s0"),
        ("/messages/0/name", "system", "s1"),
        ("/messages/1/content/0/text", "user", "u0"),
        ("/messages/1/content/1/image_url/url", "user", "data:image/png;base64,QUJD"),
        ("/messages/1/content/2/file/filename", "user", "f.pdf"),
        ("/messages/1/content/2/file/file_data", "user", "ZGF0YQ=="),
        ("/messages/2/refusal", "assistant", "a0"),
        ("/messages/2/tool_calls/0/id", "assistant", "c1"),
        ("/messages/2/tool_calls/0/function/name", "assistant", "f"),
        ("/messages/2/tool_calls/0/function/arguments", "assistant", '{"q": "x"}'),
        ("/messages/3/tool_call_id", "tool", "c1"),
        ("/messages/3/content", "tool", "t0"),
        ("/tools/0/function/name", "", "f"),
        ("/tools/0/function/description", "", "d0"),
        ("/tools/0/function/parameters/properties/*", "", "q"),
        ("/tools/0/function/parameters/properties/*/enum/0", "", "e0"),
        ("/user", "", "user-7"),
    }


def test_a_responses_request_is_read() -> None:
    document = {
        "model": "m",
        "instructions": "i0",
        "input": [
            {"type": "message", "role": "developer", "content": [{"type": "input_text", "text": "d0"}]},
            {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"},
            {"type": "function_call_output", "call_id": "c", "output": "o0", "status": "completed"},
        ],
        "text": {"format": {"type": "json_schema", "name": "n0", "schema": {"title": "t0"}}},
    }
    assert seen(document) == {
        ("/instructions", "", "i0"),
        ("/input/0/content/0/text", "developer", "d0"),
        ("/input/1/call_id", "", "c"),
        ("/input/1/name", "", "f"),
        ("/input/1/arguments", "", "{}"),
        ("/input/2/call_id", "", "c"),
        ("/input/2/output", "", "o0"),
        ("/text/format/name", "", "n0"),
        ("/text/format/schema/title", "", "t0"),
    }


def test_keys_of_the_caller_are_texts_and_never_part_of_a_place() -> None:
    texts = texts_of({"model": "m", "metadata": {"jane@example.org": "v0"}, "x_extension": [{"deep": ["v1"]}]})
    assert sorted(texts, key=lambda text: (text.place, text.value)) == [
        Text(("x_extension",), "/*", "", "x_extension", is_key=True),
        Text(("x_extension", 0, "deep"), "/*/0/*", "", "deep", is_key=True),
        Text(("x_extension", 0, "deep", 0), "/*/0/*/0", "", "v1"),
        Text(("metadata", "jane@example.org"), "/metadata/*", "", "jane@example.org", is_key=True),
        Text(("metadata", "jane@example.org"), "/metadata/*", "", "v0"),
    ]


def test_only_words_of_the_protocol_are_left_out() -> None:
    document = {
        "model": "m",
        "metadata": {"model": "my secret", "type": "my type", "role": "my role", "name": ""},
        "type": "text",
        "tool_choice": "auto",
    }
    assert {text.value for text in texts_of(document)} == {"my secret", "my type", "my role"}


def test_a_role_that_is_no_word_is_read_and_not_believed() -> None:
    texts = texts_of({"messages": [{"role": "jane@example.org", "content": "x"}, {"role": ["user"], "content": "y"}]})
    assert [(text.role, text.value) for text in texts] == [
        ("", "jane@example.org"),
        ("", "x"),
        ("", "y"),
        ("", "user"),
    ]


def test_messages_come_in_order() -> None:
    document = {"messages": [{"role": "user", "content": [{"text": f"{turn}"}]} for turn in range(20)]}
    assert [text.value for text in texts_of(document)] == [str(turn) for turn in range(20)]


def test_strings_inside_tool_arguments_are_read_decoded() -> None:
    arguments = '{"note": "x\\n\\u0041KIA", "plain": "y", "list": ["\\"z\\""]}'
    texts = texts_of({"messages": [{"role": "assistant", "tool_calls": [{"function": {"arguments": arguments}}]}]})
    assert [text.value for text in texts] == [arguments, "x\nAKIA", '"z"']
    assert {text.place for text in texts[1:]} == {"/messages/0/tool_calls/0/function/arguments/*"}
    assert {text.role for text in texts} == {"assistant"}
    assert texts[1].pointer == (*texts[0].pointer, arguments.index('"x'))


def test_json_inside_strings_inside_json_is_read_on_every_level() -> None:
    value = "AKIA\n"
    for _ in range(limits.EMBEDDED_LEVELS_MAX):
        value = json.dumps([value])
    assert "AKIA\n" in {text.value for text in texts_of({"input": value})}
    with pytest.raises(BodyInvalid, match="nested too deeply"):
        texts_of({"input": json.dumps([value])})


def test_texts_and_escapes_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "PROMPT_TEXTS_MAX", 10)
    monkeypatch.setattr(limits, "EMBEDDED_ESCAPES_MAX", 10)
    assert len(texts_of({"input": ["x"] * 10})) == 10
    for crowd in (
        {"input": ["x"] * 11},
        {"metadata": {f"k{n}": n for n in range(11)}},
        {"input": ['["\\n","\\n"]'] * 5},
    ):
        with pytest.raises(BodyInvalid, match="too many"):
            texts_of(crowd)
    with pytest.raises(BodyInvalid, match="too many escapes"):
        texts_of({"input": json.dumps(["\n" * 11])})
