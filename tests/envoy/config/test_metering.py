"""What Envoy counts natively and delivers in its access log; on a real Envoy."""

from __future__ import annotations

import json
from typing import Any

import pytest
from google.protobuf.json_format import MessageToDict

from tests.envoy.config.scripted import CHAT, PLAN, Gateway

pytestmark = pytest.mark.envoy

CHAT_USAGE = {"prompt_tokens": 30, "completion_tokens": 40, "prompt_tokens_details": {"cached_tokens": 10}}
RESPONSES_USAGE = {"input_tokens": 30, "output_tokens": 40, "input_tokens_details": {"cached_tokens": 10}}
CHAT_KINDS = {
    "prompt_tokens_details": {"cached_tokens": 10, "cache_write_tokens": 4, "audio_tokens": 3, "image_tokens": 2},
    "completion_tokens_details": {"reasoning_tokens": 20, "audio_tokens": 6, "image_tokens": 5},
}
RESPONSES_KINDS = {
    "input_tokens_details": {"cached_tokens": 10, "cache_write_tokens": 4},
    "output_tokens_details": {"reasoning_tokens": 20},
}
MESSAGE_USAGE = {"input_tokens": 12, "cache_read_input_tokens": 10, "cache_creation_input_tokens": 8}
MESSAGE_COUNTED = {"cache_read_tokens": 10.0, "cache_written_tokens": 8.0}
KINDS = {"cache_write_tokens": 4.0, "reasoning_tokens": 20.0}
MEDIA = {"audio_input_tokens": 3.0, "audio_output_tokens": 6.0, "image_input_tokens": 2.0, "image_output_tokens": 5.0}
METERED = {"input_tokens": 30.0, "output_tokens": 40.0, "cached_input_tokens": 10.0}


def events(*documents: Any) -> bytes:
    return b"".join(b"data: " + json.dumps(each).encode() + b"\n\n" for each in documents) + b"data: [DONE]\n\n"


async def metadata_of(gateway: Gateway, body: bytes, content_type: str) -> dict[str, Any]:
    gateway.primary.body, gateway.primary.content_type = body, content_type
    async with gateway.envoy.client() as client:
        response = await client.post(CHAT, headers=gateway.envoy.bearer(), content=b"{}")
    assert (response.status_code, response.content) == (200, body)
    entry = await gateway.processor.entry()
    assert entry.common_properties.upstream_cluster == "primary/assistant"
    metadata: dict[str, Any] = MessageToDict(entry.common_properties.metadata)["filterMetadata"]
    assert metadata["gw.plan"] == PLAN
    return metadata


@pytest.mark.parametrize("content_type", ["application/json", "application/json; charset=utf-8"])
@pytest.mark.parametrize("usage", [CHAT_USAGE, RESPONSES_USAGE], ids=["chat", "responses"])
async def test_json(gateway: Gateway, usage: dict[str, Any], content_type: str) -> None:
    body = json.dumps({"model": "served", "choices": [], "usage": usage}).encode()
    assert (await metadata_of(gateway, body, content_type))["gw.usage"] == METERED


@pytest.mark.parametrize(
    "body",
    [
        events({"model": "served", "usage": None}, {"choices": [], "model": "served", "usage": CHAT_USAGE}),
        events({"type": "response.completed", "response": {"model": "served", "usage": RESPONSES_USAGE}}),
        events({"model": "served", "usage": CHAT_USAGE}).replace(b"data: ", b"data:").replace(b"\n", b"\r\n"),
        events({"model": "served", "usage": CHAT_USAGE | {"completion_tokens": 1}}, {"usage": CHAT_USAGE}),
        b": PROCESSING\n\n"
        + events({"choices": [], "prompt_filter_results": []}, {"choices": [{}], "usage": CHAT_USAGE}),
    ],
    ids=["chat", "responses", "no_space_and_crlf", "growing", "comment_and_filter"],
)
async def test_stream(gateway: Gateway, body: bytes) -> None:
    assert (await metadata_of(gateway, body, "text/event-stream; charset=utf-8"))["gw.usage"] == METERED


@pytest.mark.parametrize("is_stream", [False, True])
@pytest.mark.parametrize(
    ("usage", "kinds"),
    [(CHAT_USAGE | CHAT_KINDS, KINDS | MEDIA), (RESPONSES_USAGE | RESPONSES_KINDS, KINDS)],
    ids=["chat", "responses"],
)
async def test_kinds_of_tokens(
    gateway: Gateway, usage: dict[str, Any], kinds: dict[str, float], is_stream: bool
) -> None:
    document: dict[str, Any] = {"model": "served", "usage": usage}
    if is_stream:
        body = events(document if "prompt_tokens" in usage else {"type": "response.completed", "response": document})
        metered = await metadata_of(gateway, body, "text/event-stream")
    else:
        metered = await metadata_of(gateway, json.dumps(document).encode(), "application/json")
    assert metered["gw.usage"] == METERED | kinds


HOUR = {"cache_creation": {"ephemeral_5m_input_tokens": 3, "ephemeral_1h_input_tokens": 5}}


@pytest.mark.parametrize("is_stream", [False, True])
async def test_how_long_a_message_s_cache_is_kept(gateway: Gateway, is_stream: bool) -> None:
    message = {"type": "message", "model": "served", "usage": MESSAGE_USAGE | HOUR | {"output_tokens": 40}}
    if is_stream:
        last = {"type": "message_delta", "delta": {}, "usage": {"output_tokens": 40}}
        body = events({"type": "message_start", "message": message}, last)
        metered = await metadata_of(gateway, body, "text/event-stream")
    else:
        metered = await metadata_of(gateway, json.dumps(message).encode(), "application/json")
    assert metered["gw.usage"]["cache_written_1h_tokens"] == 5.0


async def test_message(gateway: Gateway) -> None:
    body = json.dumps({"type": "message", "model": "served", "usage": MESSAGE_USAGE | {"output_tokens": 40}}).encode()
    usage = (await metadata_of(gateway, body, "application/json"))["gw.usage"]
    assert usage == MESSAGE_COUNTED | {"input_tokens": 12.0, "output_tokens": 40.0}


START = {"type": "message_start", "message": {"model": "served", "usage": MESSAGE_USAGE | {"output_tokens": 1}}}


@pytest.mark.parametrize(
    ("last", "counted"),
    [
        ({"usage": {"output_tokens": 40}}, {"started_input_tokens": 12.0, "output_tokens": 40.0}),
        (
            {"usage": {"input_tokens": 13, "output_tokens": 40, "cache_read_input_tokens": None}},
            {"started_input_tokens": 12.0, "input_tokens": 13.0, "output_tokens": 40.0},
        ),
        ({}, {"started_input_tokens": 12.0}),
    ],
    ids=["usual", "input_again", "cut_off"],
)
async def test_stream_of_a_message(gateway: Gateway, last: dict[str, Any], counted: dict[str, float]) -> None:
    body = events(START, {"type": "ping"}, {"type": "message_delta", "delta": {"stop_reason": "end_turn"}} | last)
    usage = (await metadata_of(gateway, body, "text/event-stream; charset=utf-8"))["gw.usage"]
    assert usage == MESSAGE_COUNTED | counted


async def test_last_event_that_repeats_a_long_answer(gateway: Gateway) -> None:
    completed = {"output": "x" * 300_000, "model": "served", "usage": RESPONSES_USAGE}
    body = events({"type": "response.completed", "response": completed})
    assert (await metadata_of(gateway, body, "text/event-stream"))["gw.usage"] == METERED


async def test_response_without_usage_leaves_none(gateway: Gateway) -> None:
    assert "gw.usage" not in await metadata_of(gateway, b'{"choices":[]}', "application/json")


async def test_operations_log_tells_no_query_and_no_text(gateway: Gateway) -> None:
    async with gateway.envoy.client() as client:
        await client.post(f"{CHAT}?q=query-text", headers=gateway.envoy.bearer(), content=b'{"a":"body-text"}')
        await client.post("/v1/path-text", headers=gateway.envoy.bearer(), content=b"{}")
    gateway.envoy.process.terminate()  # flushes
    gateway.envoy.process.wait(timeout=10)
    lines = gateway.envoy.log.read_text().splitlines()
    logged = [json.loads(line) for line in lines if line.startswith("{")]
    assert [(line["route"], line["status"]) for line in logged] == [("chat_completions", 200), ("unknown", 404)]
    assert logged[0]["exchange_id"] == "exchange-1"
    assert not [line for line in lines for text in ("query-text", "body-text", "path-text") if text in line]
