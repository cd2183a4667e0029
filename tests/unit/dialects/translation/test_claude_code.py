"""What Claude Code sends, translated for deployments that speak chat completions."""

from __future__ import annotations

import json
from typing import Any

import pytest

from gateway_ext.dialects.needs import needs_of
from gateway_ext.dialects.requests import read_prompt
from gateway_ext.dialects.translation.contract import Traits
from gateway_ext.dialects.translation.translate import translate_request
from gateway_ext.exchange import Endpoint
from tests.clients import claude_code
from tests.unit.dialects.translation.official_models import check_request

CALL = {"id": "toolu_1", "name": "Bash", "input": {"command": "echo hello"}}
REQUESTS = {
    "first turn": claude_code.first_turn("m", "echo hello"),
    "after a tool": claude_code.after_tool("m", "echo hello", CALL),
    "after a failed tool": claude_code.after_tool("m", "echo hello", CALL, failed=True),
    "after a picture": claude_code.after_picture("m", CALL, "iVBORw0KGgo="),
    "sub-agent": claude_code.sub_agent("m", "Look."),
}


def translated(request: dict[str, Any]) -> dict[str, Any]:
    chat = Endpoint.CHAT_COMPLETIONS
    made, _ = translate_request(
        request, Endpoint.MESSAGES, chat, traits=Traits(), keeps_unknown=False, asked_at_seconds=0
    )
    check_request(chat, made)
    return made


@pytest.mark.parametrize("request_sent", REQUESTS.values(), ids=REQUESTS)
def test_all_of_it_can_be_said(request_sent: dict[str, Any]) -> None:
    made = translated(request_sent)
    assert (made["reasoning_effort"], made["max_completion_tokens"]) == ("high", 32000)
    assert made["stream_options"] == {"include_usage": True}
    assert "cache_control" not in json.dumps(made)
    assert "device_id" not in json.dumps(made), "who asks is not told to the provider"
    names = [tool["function"]["name"] for tool in made["tools"]]
    assert names == [tool["name"] for tool in request_sent["tools"]]


@pytest.mark.parametrize(("name", "result"), [("after a tool", "hello"), ("after a failed tool", "Error: hello")])
def test_what_the_model_is_told_on_the_way_stays_where_it_stands(name: str, result: str) -> None:
    messages = translated(REQUESTS[name])["messages"]
    roles = [message["role"] for message in messages]
    assert roles == ["system", "user", "system", "assistant", "tool", "system"]
    assert messages[4] == {"role": "tool", "tool_call_id": "toolu_1", "content": result}
    assert messages[5]["content"].startswith("The following skills are available")


def test_a_picture_in_a_result_goes_behind_it() -> None:
    messages = translated(REQUESTS["after a picture"])["messages"]
    assert messages[4] == {"role": "tool", "tool_call_id": "toolu_1", "content": ""}
    assert messages[5]["content"][0]["image_url"]["url"] == "data:image/png;base64,iVBORw0KGgo="


def test_a_count_is_read_without_a_limit_of_the_output() -> None:
    prompt = read_prompt(Endpoint.COUNT_TOKENS, json.dumps(claude_code.count("m")).encode())
    assert (prompt.output_tokens_asked, prompt.is_stream) == (0, False)
    assert prompt.needs == needs_of(Endpoint.MESSAGES, claude_code.count("m")) == {"tools"}
