from typing import Any

import orjson
import pytest

from gateway_ext import limits
from gateway_ext.dialects.sse import StreamMalformed
from gateway_ext.dialects.translation.contract import Asked
from gateway_ext.dialects.translation.messages_stream import ChunksFromMessages

START = {
    "type": "message_start",
    "message": {"id": "msg_1", "model": "m", "usage": {"input_tokens": 4, "output_tokens": 1}},
}
STOP = {"type": "message_stop"}


def block(kind: str, **members: Any) -> dict[str, Any]:
    return {"type": "content_block_start", "index": 0, "content_block": {"type": kind, **members}}


def delta(kind: str, **members: Any) -> dict[str, Any]:
    return {"type": "content_block_delta", "index": 0, "delta": {"type": kind, **members}}


def ending(reason: str, **members: Any) -> dict[str, Any]:
    return {"type": "message_delta", "delta": {"stop_reason": reason, **members}, "usage": {"output_tokens": 2}}


def chunks(*events: dict[str, Any], includes_usage: bool = False) -> list[Any]:
    stream = ChunksFromMessages(Asked({"model": "m", "stream_options": {"include_usage": includes_usage}}, 5))
    out = stream.feed(b"".join(b"data: " + orjson.dumps(event) + b"\n\n" for event in events)) + stream.finish()
    data = [line.removeprefix(b"data: ") for line in out.split(b"\n\n") if line]
    return ["end" if each == b"[DONE]" else orjson.loads(each) for each in data]


def test_usage_is_told_only_to_those_who_asked() -> None:
    assert not any("usage" in chunk for chunk in chunks(START, ending("end_turn"), STOP)[:-1])
    usage = chunks(START, ending("end_turn"), STOP, includes_usage=True)[-2]
    assert (usage["choices"], usage["usage"]["prompt_tokens"], usage["usage"]["completion_tokens"]) == ([], 4, 2)


@pytest.mark.parametrize(
    ("reason", "becomes"),
    [
        ("end_turn", "stop"),
        ("stop_sequence", "stop"),
        ("max_tokens", "length"),
        ("model_context_window_exceeded", "length"),
        ("pause_turn", "length"),
        ("tool_use", "tool_calls"),
        ("refusal", "content_filter"),
        ("something_new", "stop"),
    ],
)
def test_reasons(reason: str, becomes: str) -> None:
    assert chunks(START, ending(reason), STOP)[-2]["choices"][0]["finish_reason"] == becomes


def test_a_refusal_says_why() -> None:
    said = chunks(START, ending("refusal", stop_details={"type": "refusal", "explanation": "No."}), STOP)
    assert said[-2]["choices"][0]["delta"] == {"refusal": "No."}


def test_text_that_a_block_begins_with_is_not_lost() -> None:
    said = chunks(START, block("text", text="He"), delta("text_delta", text="llo"))
    assert "".join(chunk["choices"][0]["delta"].get("content", "") for chunk in said) == "Hello"


def test_input_that_a_call_begins_with_is_not_lost() -> None:
    said = chunks(
        START, block("tool_use", id="t", name="f", input={"a": 1}), {"type": "content_block_stop", "index": 0}
    )
    assert said[-1]["choices"][0]["delta"]["tool_calls"] == [{"index": 0, "function": {"arguments": '{"a":1}'}}]


def test_a_stream_that_is_cut_short_has_no_end_mark() -> None:
    assert "end" not in chunks(START, block("text", text="Hel"))


def test_an_end_without_its_blank_line_is_one() -> None:
    stream = ChunksFromMessages(Asked({"model": "m"}, 5))
    out = stream.feed(b"data: " + orjson.dumps(START) + b"\n\ndata: " + orjson.dumps(STOP))
    assert b"[DONE]" not in out
    assert stream.finish().endswith(b"data: [DONE]\n\n")


def test_half_an_event_at_the_end_is_none() -> None:
    stream = ChunksFromMessages(Asked({"model": "m"}, 5))
    assert stream.feed(b'data: {"type":"message_st') + stream.finish() == b""


@pytest.mark.parametrize(
    "events",
    [
        (STOP,),
        (block("text", text="before the start"),),
        (START, {"type": "something_else"}),
        (START, block("server_tool_use", id="s", name="web_search", input={})),
        (START, block("tool_use", id="t", name="f")),
        (START, delta("image_delta")),
        (START, delta("input_json_delta", partial_json="{}")),
        (START, delta("text_delta", text=5)),
        (START, {"type": "content_block_delta", "index": 0}),
        ({"type": "message_start"},),
    ],
)
def test_what_is_not_of_the_dialect_ends_the_stream(events: tuple[dict[str, Any], ...]) -> None:
    with pytest.raises(StreamMalformed):
        chunks(*events)


@pytest.mark.parametrize("data", [b"no JSON", b"[1]", b"5", b"[DONE]"])
def test_what_is_no_event_ends_the_stream(data: bytes) -> None:
    with pytest.raises(StreamMalformed):
        ChunksFromMessages(Asked({"model": "m"}, 5)).feed(b"data: " + data + b"\n\n")


def test_an_endless_event_ends_the_stream() -> None:
    stream = ChunksFromMessages(Asked({"model": "m"}, 5))
    with pytest.raises(StreamMalformed):
        stream.feed(b"data: " + b"x" * limits.SSE_EVENT_BYTES_MAX)
