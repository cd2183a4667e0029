from typing import Any

import pytest

from gateway_ext.dialects.translation.contract import Traits
from gateway_ext.dialects.translation.translate import translate_request
from gateway_ext.errors import NotTranslatable
from gateway_ext.exchange import Endpoint

USER = {"role": "user", "content": "Hi"}
CALL = {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"}
RESULT = {"type": "function_call_output", "call_id": "c", "output": "1"}
TOOL = {"type": "function", "name": "f", "parameters": {"type": "object"}, "strict": True}


def to_chat(request: dict[str, Any], *, keeps_unknown: bool = False, traits: Traits | None = None) -> dict[str, Any]:
    translated, _ = translate_request(
        {"model": "m", "input": "Hi", **request},
        Endpoint.RESPONSES,
        Endpoint.CHAT_COMPLETIONS,
        keeps_unknown=keeps_unknown,
        asked_at_seconds=0,
        traits=traits or Traits(),
    )
    return translated


def messages(*items: dict[str, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = to_chat({"input": list(items)})["messages"]
    return found


@pytest.mark.parametrize(
    ("request_", "param"),
    [
        ({"previous_response_id": "resp_1"}, "previous_response_id"),
        ({"conversation": {"id": "conv_1"}}, "conversation"),
        ({"prompt": {"id": "pmpt_1"}}, "prompt"),
        ({"background": True}, "background"),
        ({"truncation": "auto"}, "truncation"),
        ({"context_management": [{"type": "compaction"}]}, "context_management"),
        ({"moderation": {"model": "m"}}, "moderation"),
        ({"reasoning": {"context": "all_turns"}}, "reasoning.context"),
        ({"reasoning": {"mode": "pro"}}, "reasoning.mode"),
        ({"include": ["something.else"]}, "include"),
        ({"include": [{}]}, "include"),
        ({"text": {"format": {"type": "xml"}}}, "text.format.type"),
        ({"tools": [{"type": "web_search"}]}, "tools[0].type"),
        ({"tools": [TOOL, {"type": "mcp", "server_label": "x"}]}, "tools[1].type"),
        ({"tools": [{**TOOL, "defer_loading": True}]}, "tools[0].defer_loading"),
        ({"tools": [{**TOOL, "allowed_callers": ["programmatic"]}]}, "tools[0].allowed_callers"),
        ({"tools": [{**TOOL, "output_schema": {}}]}, "tools[0].output_schema"),
        ({"tools": [TOOL], "tool_choice": {"type": "file_search"}}, "tool_choice.type"),
        (
            {"tools": [TOOL], "tool_choice": {"type": "allowed_tools", "mode": "auto", "tools": [{"type": "mcp"}]}},
            "tool_choice.tools[0].type",
        ),
        (
            {"tools": [TOOL], "tool_choice": {"type": "allowed_tools", "mode": "auto", "tools": []}},
            "tool_choice.tools",
        ),
        ({"tool_choice": "required"}, "tool_choice"),
        ({"input": [{"type": "item_reference", "id": "msg_1"}]}, "input[0].type"),
        ({"input": [USER, {"type": "web_search_call", "id": "ws_1"}]}, "input[1].type"),
        ({"input": [{"role": "critic", "content": "x"}]}, "input[0].role"),
        ({"input": [{"role": "user", "content": 5}]}, "input[0].content"),
        ({"input": [{"role": "user"}]}, "input[0].content"),
        ({"input": []}, "input"),
        ({"input": [{"type": "reasoning", "id": "rs_1", "summary": []}]}, "input"),
        ({"input": [{**CALL, "namespace": "crm"}]}, "input[0].namespace"),
        ({"input": [{**CALL, "caller": {"type": "program", "caller_id": "1"}}]}, "input[0].caller"),
        ({"input": [CALL, {**RESULT, "call_id": None}]}, "input[1].call_id"),
        (
            {"input": [CALL, {**RESULT, "output": [{"type": "input_image", "image_url": "data:,"}]}]},
            "input[1].output[0].type",
        ),
        (
            {"input": [{"role": "user", "content": [{"type": "input_image", "file_id": "file_1"}]}]},
            "input[0].content[0].file_id",
        ),
        (
            {"input": [{"role": "user", "content": [{"type": "input_file", "file_url": "https://e.org/"}]}]},
            "input[0].content[0].file_url",
        ),
        (
            {"input": [{"role": "assistant", "content": [{"type": "input_image", "image_url": "data:,"}]}]},
            "input[0].content[0].type",
        ),
        ({"seed": 1}, "seed"),
        ({"n": 5}, "n"),
        ({"Messages": []}, "messages"),
        ({"reasoning": {"depth": 3}}, "reasoning"),
    ],
)
def test_what_cannot_be_said_is_refused_by_name(request_: dict[str, Any], param: str) -> None:
    with pytest.raises(NotTranslatable) as refusal:
        to_chat(request_, keeps_unknown=True)
    assert refusal.value.param == param


def test_what_asks_for_nothing_is_left_out() -> None:
    hints = {
        "background": False,
        "truncation": "disabled",
        "store": True,
        "user": "u",
        "safety_identifier": "s",
        "prompt_cache_key": "k",
        "prompt_cache_retention": "24h",
        "service_tier": "flex",
        "metadata": {"a": "b"},
        "max_tool_calls": 1,
        "tools": [],
        "tool_choice": "auto",
        "parallel_tool_calls": True,
        "include": ["file_search_call.results", "reasoning.encrypted_content"],
        "reasoning": {"summary": "detailed"},
        "text": {"format": {"type": "text"}},
        "stream_options": {"include_obfuscation": True},
        "top_logprobs": 0,
        "temperature": None,
    }
    assert to_chat(hints) == {"model": "m", "messages": [USER]}


def test_unknown_fields_are_refused_or_kept_where_they_were() -> None:
    request = {
        "tenant": 7,
        "input": [{**USER, "mood": "glad"}, {**CALL, "trace": 1}],
        "tools": [{**TOOL, "cost": 3}],
    }
    kept = to_chat(request, keeps_unknown=True)
    assert kept["tenant"] == 7
    assert kept["messages"][0]["mood"] == "glad"
    assert kept["messages"][1]["tool_calls"][0]["trace"] == 1
    assert kept["tools"][0]["function"]["cost"] == 3
    for name, value in request.items():
        with pytest.raises(NotTranslatable):
            to_chat({name: value})


def test_the_output_limit_is_in_the_field_that_the_deployment_reads() -> None:
    asked = {"max_output_tokens": 9}
    assert to_chat(asked)["max_completion_tokens"] == 9
    assert to_chat(asked, traits=Traits(chat_output_field="max_tokens"))["max_tokens"] == 9


def test_streams_report_usage() -> None:
    assert to_chat({"stream": True})["stream_options"] == {"include_usage": True}
    assert "stream_options" not in to_chat({"stream": False})


def test_probabilities_are_asked_for_in_either_way() -> None:
    assert to_chat({"top_logprobs": 3})["logprobs"] is True
    asked = to_chat({"include": ["message.output_text.logprobs"]})
    assert asked["logprobs"] is True
    assert "top_logprobs" not in asked


def test_one_tool_is_chosen_by_name() -> None:
    chosen = {"type": "function", "function": {"name": "f"}}
    for kind in ("function", "custom"):
        assert to_chat({"tools": [TOOL], "tool_choice": {"type": kind, "name": "f"}})["tool_choice"] == chosen


def test_calls_stand_in_the_message_of_the_assistant_before_them() -> None:
    said = {"type": "message", "id": "m", "role": "assistant", "status": "completed", "content": "Well"}
    found = messages(USER, said, CALL, RESULT, CALL, RESULT, said)
    assert [message["role"] for message in found] == [
        "user",
        "assistant",
        "tool",
        "assistant",
        "tool",
        "assistant",
    ]
    assert found[1]["content"] == "Well"
    assert found[3]["content"] is None
    assert "tool_calls" not in found[5]


def test_what_is_said_between_a_call_and_its_result_joins_the_call() -> None:
    said = {"role": "assistant", "content": "Well"}
    before, tool = messages(said, CALL, {**said, "content": "Now"}, RESULT)
    assert before["content"] == [{"type": "text", "text": "Well"}, {"type": "text", "text": "Now"}]
    assert tool["role"] == "tool"
    joined, _ = messages(CALL, said, RESULT)
    assert joined["content"] == "Well"


def test_messages_of_the_assistant_without_calls_stay_apart() -> None:
    said = {"role": "assistant", "content": "Well"}
    assert messages(said, said) == [said, said]


def test_developers_become_the_system() -> None:
    assert messages({"role": "developer", "content": "Be kind"})[0] == {"role": "system", "content": "Be kind"}


def test_sound_and_files_kept_at_the_provider_go_along() -> None:
    sound = {"type": "input_audio", "input_audio": {"data": "UklGRg==", "format": "wav"}}
    file = {"type": "input_file", "file_id": "file_1", "prompt_cache_breakpoint": {"mode": "explicit"}}
    (message,) = messages({"role": "user", "content": [sound, file]})
    assert message["content"] == [
        sound,
        {"type": "file", "file": {"file_id": "file_1"}, "prompt_cache_breakpoint": {"mode": "explicit"}},
    ]


def test_the_request_is_not_changed() -> None:
    request = {"model": "m", "input": [USER, CALL, RESULT], "tools": [TOOL], "reasoning": {"effort": "low"}}
    before = repr(request)
    to_chat(request)
    assert repr(request) == before
