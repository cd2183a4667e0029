import json
from typing import Any

import pytest

from gateway_ext import limits
from gateway_ext.dialects.anthropic_read import read_prompt
from gateway_ext.dialects.requests import read_prompt as read_any_prompt
from gateway_ext.dialects.requests import rewrite
from gateway_ext.errors import BodyInvalid
from gateway_ext.exchange import Endpoint, Prompt
from gateway_ext.verdict import Edit

HELLO: dict[str, Any] = {"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": "hi"}]}


def read(document: dict[str, Any]) -> Prompt:
    return read_prompt(Endpoint.MESSAGES, json.dumps(document).encode())


def seen(document: dict[str, Any]) -> set[tuple[str, str, str]]:
    return {(text.place, text.role, text.value) for text in read(document).texts}


def test_reads_what_is_asked_for() -> None:
    document = {**HELLO, "stream": True, "temperature": 0.5}
    prompt = read(document)
    assert (prompt.endpoint, prompt.model, prompt.is_stream, prompt.choices) == (Endpoint.MESSAGES, "m", True, 1)
    assert (prompt.output_tokens_asked, prompt.body_bytes) == (9, len(json.dumps(document)))
    assert prompt.asked_for_usage  # each stream reports it, so no chunk of ours has to be taken out
    assert prompt.document == document
    assert [text.value for text in prompt.texts] == ["hi"]


def test_each_endpoint_is_read_in_its_dialect() -> None:
    assert read_any_prompt(Endpoint.MESSAGES, json.dumps(HELLO).encode()) == read(HELLO)
    chat = read_any_prompt(Endpoint.CHAT_COMPLETIONS, json.dumps({**HELLO, "n": 2}).encode())
    assert chat.output_tokens_asked == 18
    with pytest.raises(ValueError, match="no messages of this dialect"):
        read_prompt(Endpoint.CHAT_COMPLETIONS, json.dumps(HELLO).encode())


def test_output_of_none_only_fills_the_cache() -> None:
    assert read({**HELLO, "max_tokens": 0}).output_tokens_asked == 0


BAD: list[tuple[str, list[Any]]] = [
    ("model", [None, "", " ", 4, "m" * 257]),
    ("max_tokens", [None, -1, 1.5, "5", True, limits.OUTPUT_TOKENS_ASKED_MAX + 1]),
    ("messages", [None, "hi", {}, [], ["hi"], [{}, None]]),
    ("stream", [1, "true", []]),
    ("fallbacks", [[{"model": "another"}]]),
]


@pytest.mark.parametrize(("field", "value"), [(field, value) for field, values in BAD for value in values])
def test_the_field_to_repair_is_named(field: str, value: Any) -> None:
    with pytest.raises(BodyInvalid) as caught:
        read({**HELLO, field: value})
    assert caught.value.param == field


@pytest.mark.parametrize("key", ["Model", "MESSAGES", "System", "Max_Tokens", "Stream"])
def test_names_that_only_differ_in_case_are_refused(key: str) -> None:
    with pytest.raises(BodyInvalid) as caught:
        read({**HELLO, key: 1})
    assert caught.value.param == key.lower()


def test_every_text_is_read_with_the_role_of_who_said_it() -> None:
    document = {
        "model": "m",
        "max_tokens": 5,
        "system": [{"type": "text", "text": "s0", "cache_control": {"type": "ephemeral", "ttl": "5m"}}],
        "messages": [
            {
                "role": "user",
                "content": [
                    {"type": "text", "text": "u0"},
                    {
                        "type": "document",
                        "title": "d0",
                        "context": "d1",
                        "source": {"type": "text", "media_type": "text/plain", "data": "d2"},
                        "citations": {"enabled": True},
                    },
                    {"type": "document", "source": {"type": "content", "content": [{"type": "text", "text": "d3"}]}},
                    {
                        "type": "search_result",
                        "source": "r0",
                        "title": "r1",
                        "content": [{"type": "text", "text": "r2"}],
                    },
                ],
            },
            {
                "role": "assistant",
                "content": [
                    {"type": "thinking", "thinking": "a0", "signature": "a1"},
                    {"type": "text", "text": "a2"},
                    {"type": "tool_use", "id": "t1", "name": "weather", "input": {"city": ["a3", {"deep": "a4"}]}},
                ],
            },
            {
                "role": "user",
                "content": [
                    {
                        "type": "tool_result",
                        "tool_use_id": "t1",
                        "is_error": False,
                        "content": [{"type": "text", "text": "o0"}],
                    },
                    {"type": "tool_result", "tool_use_id": "t2", "content": "o1"},
                    {"type": "text", "text": "u1"},
                ],
            },
        ],
        "tools": [
            {
                "name": "weather",
                "description": "w0",
                "input_schema": {"type": "object", "properties": {"town": {"type": "string", "enum": ["w1"]}}},
            }
        ],
        "tool_choice": {"type": "tool", "name": "weather"},
        "stop_sequences": ["q0"],
        "metadata": {"user_id": "m0"},
        "thinking": {"type": "enabled", "budget_tokens": 1024},
        "mcp_servers": [{"type": "url", "url": "https://x.example", "authorization_token": "m1"}],
    }
    assert seen(document) == {
        ("/system/0/text", "system", "s0"),
        ("/messages/0/content/0/text", "user", "u0"),
        ("/messages/0/content/1/title", "user", "d0"),
        ("/messages/0/content/1/context", "user", "d1"),
        ("/messages/0/content/1/source/data", "user", "d2"),
        ("/messages/0/content/2/source/content/0/text", "user", "d3"),
        ("/messages/0/content/3/source", "user", "r0"),
        ("/messages/0/content/3/title", "user", "r1"),
        ("/messages/0/content/3/content/0/text", "user", "r2"),
        ("/messages/1/content/0/thinking", "assistant", "a0"),
        ("/messages/1/content/0/signature", "assistant", "a1"),
        ("/messages/1/content/1/text", "assistant", "a2"),
        ("/messages/1/content/2/id", "assistant", "t1"),
        ("/messages/1/content/2/name", "assistant", "weather"),
        ("/messages/1/content/2/input/city/0", "assistant", "a3"),
        ("/messages/1/content/2/input/city/1/*", "assistant", "deep"),
        ("/messages/1/content/2/input/city/1/*", "assistant", "a4"),
        ("/messages/2/content/0/tool_use_id", "tool", "t1"),
        ("/messages/2/content/0/content/0/text", "tool", "o0"),
        ("/messages/2/content/1/tool_use_id", "tool", "t2"),
        ("/messages/2/content/1/content", "tool", "o1"),
        ("/messages/2/content/2/text", "user", "u1"),
        ("/tools/0/name", "", "weather"),
        ("/tools/0/description", "", "w0"),
        ("/tools/0/input_schema/properties/*", "", "town"),
        ("/tools/0/input_schema/properties/*/enum/0", "", "w1"),
        ("/tool_choice/name", "", "weather"),
        ("/stop_sequences/0", "", "q0"),
        ("/metadata/user_id", "", "m0"),
        ("/mcp_servers/0/url", "", "https://x.example"),
        ("/mcp_servers/0/authorization_token", "", "m1"),
    }


def test_a_system_prompt_that_is_a_string_is_the_systems() -> None:
    assert ("/system", "system", "s0") in seen({**HELLO, "system": "s0"})


def test_words_of_the_protocol_are_words_in_their_own_field_only() -> None:
    document = {**HELLO, "metadata": {"user_id": "tool_result", "x": "user"}, "unknown": {"type": "my type"}}
    assert {value for _, _, value in seen(document)} == {"hi", "tool_result", "x", "user", "unknown", "my type"}


def test_a_redaction_changes_its_text_and_nothing_else() -> None:
    content = [{"type": "tool_result", "tool_use_id": "t1", "content": [{"type": "text", "text": "call 555 now"}]}]
    document = {**HELLO, "messages": [{"role": "user", "content": content}]}
    prompt = read(document)
    (index,) = [at for at, text in enumerate(prompt.texts) if text.value == "call 555 now"]
    body = rewrite(prompt, model="claude", include_usage=True, edits=[Edit(index, 5, 8, "[x]")])
    assert body is not None
    content[0]["content"] = [{"type": "text", "text": "call [x] now"}]
    assert json.loads(body) == {**document, "model": "claude"}
    assert rewrite(read({**HELLO, "stream": True}), model="m", include_usage=True, edits=()) is None
