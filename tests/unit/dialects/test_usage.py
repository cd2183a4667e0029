from typing import Any

import orjson
import pytest

from gateway_ext.dialects.sse import SseEvent, SseParser
from gateway_ext.dialects.usage import StreamMeter, usage_from_document
from gateway_ext.exchange import Usage


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        ({"usage": {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15}}, Usage(10, 5)),
        (
            {"usage": {"prompt_tokens": 10, "completion_tokens": 5, "prompt_tokens_details": {"cached_tokens": 8}}},
            Usage(10, 5, 8),
        ),
        ({"usage": {"prompt_tokens": 8, "total_tokens": 8}}, Usage(8, 0)),
        ({"usage": {"prompt_tokens": 8, "completion_tokens": None, "total_tokens": 9}}, Usage(8, 1)),
        (
            {"usage": {"input_tokens": 7, "output_tokens": 3, "input_tokens_details": {"cached_tokens": 2}}},
            Usage(7, 3, 2),
        ),
        (
            {
                "usage": {
                    "prompt_tokens": 20,
                    "completion_tokens": 9,
                    "prompt_tokens_details": {
                        "cached_tokens": 5,
                        "cache_write_tokens": 6,
                        "audio_tokens": 3,
                        "image_tokens": 2,
                        "text_tokens": 4,
                    },
                    "completion_tokens_details": {"reasoning_tokens": 4, "audio_tokens": 2, "image_tokens": 1},
                }
            },
            Usage(
                20,
                9,
                5,
                cache_write_tokens=6,
                reasoning_tokens=4,
                audio_input_tokens=3,
                audio_output_tokens=2,
                image_input_tokens=2,
                image_output_tokens=1,
            ),
        ),
        (
            {
                "usage": {
                    "input_tokens": 7,
                    "output_tokens": 3,
                    "input_tokens_details": {"cached_tokens": 2, "cache_write_tokens": 1},
                    "output_tokens_details": {"reasoning_tokens": 3, "audio_tokens": 4},
                }
            },
            Usage(7, 3, 2, cache_write_tokens=1, reasoning_tokens=3),
        ),
        ({"response": {"usage": {"input_tokens": 7, "output_tokens": 3}}}, Usage(7, 3)),
        ({"usage": None, "response": {"usage": {"input_tokens": 7, "output_tokens": 3}}}, Usage(7, 3)),
        ({"usage": {"prompt_tokens": 10, "completion_tokens": 5, "prompt_tokens_details": None}}, Usage(10, 5)),
        (
            {"usage": {"prompt_tokens": 10, "completion_tokens": 5, "prompt_tokens_details": {"cached_tokens": 11}}},
            Usage(10, 5, 0),
        ),
        ({"usage": {"prompt_tokens": 0, "completion_tokens": 0}}, Usage(0, 0)),
    ],
)
def test_reads_usage(document: Any, expected: Usage) -> None:
    assert usage_from_document(document) == expected


@pytest.mark.parametrize(
    "document",
    [
        None,
        [],
        "usage",
        {},
        {"usage": None},
        {"usage": []},
        {"usage": {}},
        {"usage": "many"},
        {"usage": {"prompt_tokens": 10}},
        {"usage": {"completion_tokens": 10}},
        {"usage": {"prompt_tokens": -1, "completion_tokens": 5}},
        {"usage": {"prompt_tokens": 10, "completion_tokens": -5, "total_tokens": 5}},
        {"usage": {"prompt_tokens": 10, "total_tokens": 5}},
        {"usage": {"prompt_tokens": "10", "completion_tokens": 5}},
        {"usage": {"prompt_tokens": True, "completion_tokens": 5}},
        {"usage": {"prompt_tokens": 1.5, "completion_tokens": 5}},
        {"usage": {"prompt_tokens": 10**15, "completion_tokens": 5}},
        {"response": None},
        {"response": {"usage": 3}},
    ],
)
def test_garbage_is_no_usage(document: Any) -> None:
    assert usage_from_document(document) is None


def stream(*payloads: Any) -> list[SseEvent]:
    encoded = [payload if isinstance(payload, bytes) else orjson.dumps(payload) for payload in payloads]
    return SseParser().feed(b"".join(b"data: " + data + b"\n\n" for data in encoded))


DELTA = {"choices": [{"index": 0, "delta": {"content": 'a \\"usage\\": {'}}]}
USAGE = {"choices": [], "usage": {"prompt_tokens": 4, "completion_tokens": 2}}


@pytest.mark.parametrize("asked_for_usage", [True, False])
def test_meters_a_chat_stream(asked_for_usage: bool) -> None:
    meter = StreamMeter(asked_for_usage)
    strips = [meter.see(event) for event in stream(DELTA, {**DELTA, "usage": None}, USAGE, b"[DONE]")]
    assert strips == [False, False, not asked_for_usage, False]
    assert meter.usage == Usage(4, 2)
    assert meter.seen.events == 2
    assert meter.is_complete


def test_only_pure_usage_chunks_are_stripped() -> None:
    meter = StreamMeter(asked_for_usage=False)
    chunks = [
        {**DELTA, "usage": {"prompt_tokens": 1, "completion_tokens": 1}},  # with the last content
        {"choices": [], "prompt_filter_results": []},
        {"choices": [], "usage": None},
        {"usage": {"prompt_tokens": 1, "completion_tokens": 1}},
        b'{"choices":[],"usage":{',
    ]
    assert not any(meter.see(event) for event in stream(*chunks))


def test_the_last_usage_counts_and_garbage_does_not_replace_it() -> None:
    meter = StreamMeter(asked_for_usage=True)
    running = [{**DELTA, "usage": {"prompt_tokens": 4, "completion_tokens": n}} for n in (1, 2, 3)]
    for event in stream(*running, {"choices": [], "usage": {"prompt_tokens": "x"}}, b'{"usage": {broken'):
        meter.see(event)
    assert meter.usage == Usage(4, 3)
    assert not meter.is_complete


@pytest.mark.parametrize("end", ["completed", "incomplete", "failed"])
@pytest.mark.parametrize("has_event_field", [True, False])
def test_meters_a_stream_of_the_responses_endpoint(end: str, has_event_field: bool) -> None:
    def block(kind: str, **members: Any) -> bytes:
        field = f"event: {kind}\n".encode() if has_event_field else b""
        return field + b"data: " + orjson.dumps({"type": kind, **members}) + b"\n\n"

    usage = {"input_tokens": 9, "output_tokens": 1, "input_tokens_details": {"cached_tokens": 3}}
    parser, meter = SseParser(), StreamMeter(asked_for_usage=True)
    for event in parser.feed(block("response.created") + block("response.output_text.delta", delta="x")):
        assert not meter.see(event)
    assert (meter.usage, meter.is_complete) == (None, False)
    for event in parser.feed(block(f"response.{end}", response={"usage": usage})):
        assert not meter.see(event)
    assert meter.is_complete
    assert meter.usage == Usage(9, 1, 3)
    if has_event_field:
        assert meter.seen.events == 1


def test_comments_and_other_servers_events_change_nothing() -> None:
    meter = StreamMeter(asked_for_usage=False)
    for event in SseParser().feed(b": ping\n\nevent: ping\ndata: {}\n\n\n"):
        assert not meter.see(event)
    assert (meter.usage, meter.seen.events, meter.seen.tokens, meter.is_complete) == (None, 0, 0, False)


@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        ({"input_tokens": 7, "output_tokens": 3}, Usage(7, 3)),
        ({"input_tokens": 7, "output_tokens": 3, "cache_read_input_tokens": 20}, Usage(27, 3, 20)),
        (
            {
                "input_tokens": 7,
                "output_tokens": 3,
                "cache_read_input_tokens": 20,
                "cache_creation_input_tokens": 100,
            },
            Usage(127, 3, 20, cache_write_tokens=100),
        ),
        (
            {
                "input_tokens": 7,
                "output_tokens": 3,
                "cache_creation_input_tokens": 100,
                "cache_creation": {"ephemeral_5m_input_tokens": 60, "ephemeral_1h_input_tokens": 40},
            },
            Usage(107, 3, cache_write_tokens=100, cache_write_1h_tokens=40),
        ),
        (
            {
                "input_tokens": 7,
                "output_tokens": 3,
                "cache_creation_input_tokens": 10,
                "cache_creation": {"ephemeral_1h_input_tokens": 11},
            },
            Usage(17, 3, cache_write_tokens=10),
        ),
        ({"input_tokens": 7, "output_tokens": 3, "cache_read_input_tokens": None}, Usage(7, 3)),
        ({"prompt_tokens": 7, "completion_tokens": 3, "cache_read_input_tokens": 5}, Usage(7, 3)),
    ],
)
def test_messages_count_the_cache_apart_and_we_do_not(counts: dict[str, Any], expected: Usage) -> None:
    assert usage_from_document({"type": "message", "usage": counts}) == expected


def message_events(*documents: dict[str, Any]) -> list[SseEvent]:
    parser = SseParser()
    blocks = [f"event: {document['type']}\n".encode() + b"data: " + orjson.dumps(document) for document in documents]
    return [event for block in blocks for event in parser.feed(block + b"\n\n")]


@pytest.mark.parametrize("is_parsed", [True, False])
def test_meters_a_stream_of_the_messages_endpoint(is_parsed: bool) -> None:
    start = {"usage": {"input_tokens": 25, "cache_read_input_tokens": 40, "output_tokens": 1}}
    events = message_events(
        {"type": "message_start", "message": start},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "Hi"}},
        {"type": "message_delta", "delta": {}, "usage": {"output_tokens": 10, "input_tokens": None}},
        {"type": "message_delta", "delta": {}, "usage": {"output_tokens": 15}},
        {"type": "message_stop"},
    )
    meter, seen = StreamMeter(asked_for_usage=False), []
    for event in events:
        assert not (meter.see(event, orjson.loads(event.data)) if is_parsed else meter.see(event))
        seen.append((meter.usage, meter.is_complete))
    assert seen == [(None, False)] * 2 + [
        (Usage(65, 10, 40), False),
        (Usage(65, 15, 40), False),
        (Usage(65, 15, 40), True),
    ]
    assert meter.seen.events == 1
