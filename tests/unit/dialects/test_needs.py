from __future__ import annotations

import json
from typing import Any

import pytest

from gateway_ext.dialects.needs import CAPABILITIES, needs_of
from gateway_ext.dialects.requests import read_prompt
from gateway_ext.exchange import Endpoint

CHAT, RESPONSES, MESSAGES = Endpoint.CHAT_COMPLETIONS, Endpoint.RESPONSES, Endpoint.MESSAGES
FUNCTION = {"type": "function", "function": {"name": "f"}}


def said(*parts: dict[str, Any], field: str = "messages") -> dict[str, Any]:
    return {field: [{"role": "user", "content": list(parts)}]}


NEEDS: list[tuple[Endpoint, dict[str, Any], set[str]]] = [
    (CHAT, {"messages": [{"role": "user", "content": "draw an image_url with tools"}]}, set()),
    (CHAT, said({"type": "text", "text": "hi"}), set()),
    (CHAT, {"tools": [FUNCTION]}, {"tools"}),
    (CHAT, {"tools": []}, set()),
    (CHAT, {"functions": [{"name": "f"}]}, {"tools"}),
    (CHAT, {"web_search_options": {}}, {"hosted_tools"}),
    (CHAT, said({"type": "image_url", "image_url": {"url": "https://x"}}), {"vision"}),
    (CHAT, said({"type": "input_audio", "input_audio": {}}, {"type": "file", "file": {}}), {"audio", "documents"}),
    (CHAT, {"modalities": ["text", "audio"]}, {"audio"}),
    (CHAT, {"response_format": {"type": "json_object"}}, {"json_mode"}),
    (CHAT, {"response_format": {"type": "json_schema", "json_schema": {}}}, {"json_schema"}),
    (CHAT, {"response_format": {"type": "text"}}, set()),
    (RESPONSES, {"input": "hi", "text": {"format": {"type": "json_schema"}}}, {"json_schema"}),
    (RESPONSES, {"input": "hi", "tools": [{"type": "function"}, {"type": "web_search"}]}, {"tools", "hosted_tools"}),
    (RESPONSES, said({"type": "input_image"}, {"type": "input_file"}, field="input"), {"vision", "documents"}),
    (RESPONSES, {"input": [{"type": "function_call_output", "output": [{"type": "input_image"}]}]}, {"vision"}),
    (RESPONSES, {"input": "hi", "text": "hi"}, set()),
    (MESSAGES, {"tools": [{"name": "f", "input_schema": {}}]}, {"tools"}),
    (MESSAGES, {"tools": [{"type": "web_search_20250305", "name": "web_search"}]}, {"hosted_tools"}),
    (MESSAGES, {"mcp_servers": [{"type": "url"}]}, {"hosted_tools"}),
    (MESSAGES, said({"type": "image", "source": {}}, {"type": "document"}), {"vision", "documents"}),
    (MESSAGES, said({"type": "tool_result", "content": [{"type": "image"}]}), {"vision"}),
    (MESSAGES, {"output_format": {"type": "json_schema"}}, {"json_schema"}),
    (MESSAGES, {"output_config": {"format": {"type": "json_schema"}}}, {"json_schema"}),
    (Endpoint.EMBEDDINGS, {"input": ["image"]}, set()),
]


@pytest.mark.parametrize(("endpoint", "document", "expected"), NEEDS)
def test_what_a_request_needs(endpoint: Endpoint, document: dict[str, Any], expected: set[str]) -> None:
    assert needs_of(endpoint, document) == expected
    assert expected <= set(CAPABILITIES)


def test_every_capability_can_be_needed() -> None:
    assert set().union(*(expected for _, _, expected in NEEDS)) == set(CAPABILITIES)


@pytest.mark.parametrize(
    "strange", [7, "x", None, {}, {"type": 7}, [7, None, "x", {"type": ["image"]}, {"content": 7}]]
)
@pytest.mark.parametrize(
    "field",
    [
        "tools",
        "functions",
        "messages",
        "input",
        "modalities",
        "response_format",
        "text",
        "output_config",
        "mcp_servers",
    ],
)
def test_what_is_malformed_is_no_failure(field: str, strange: Any) -> None:
    for endpoint in (CHAT, RESPONSES, MESSAGES):
        assert needs_of(endpoint, {field: strange}) <= set(CAPABILITIES)


def test_they_are_read_with_the_request() -> None:
    document = {"model": "m", "max_tokens": 5, **said({"type": "image"}), "tools": [{"name": "f"}]}
    assert read_prompt(MESSAGES, json.dumps(document).encode()).needs == {"vision", "tools"}
    document = {"model": "m", **said({"type": "image_url"}), "tools": [FUNCTION]}
    assert read_prompt(CHAT, json.dumps(document).encode()).needs == {"vision", "tools"}
