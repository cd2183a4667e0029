from typing import Any

import orjson
import pytest

from gateway_ext import limits
from gateway_ext.dialects.sse import StreamMalformed
from gateway_ext.dialects.translation.chat_stream import EventsFromChat
from gateway_ext.dialects.translation.contract import Asked


def chunk(delta: Any, reason: str | None = None, **choice: Any) -> dict[str, Any]:
    return {
        "id": "chatcmpl-1",
        "model": "m",
        "choices": [{"index": 0, "delta": delta, "finish_reason": reason, **choice}],
    }


def call(arguments: str, **members: Any) -> dict[str, Any]:
    name = {"name": members.pop("name")} if "name" in members else {}
    return {**members, "function": {**name, "arguments": arguments}}


def stream(**asked: Any) -> EventsFromChat:
    return EventsFromChat(Asked({"model": "m", "max_tokens": 9, **asked}, 5))


def events(*given: dict[str, Any] | bytes, **asked: Any) -> list[dict[str, Any]]:
    translator = stream(**asked)
    data = [each if isinstance(each, bytes) else orjson.dumps(each) for each in given]
    out = translator.feed(b"".join(b"data: " + each + b"\n\n" for each in data)) + translator.finish()
    return [orjson.loads(line[6:]) for line in out.split(b"\n") if line.startswith(b"data: ")]


def blocks(said: list[dict[str, Any]]) -> dict[int, list[Any]]:
    """By index: what the block began as, what it grew by."""
    grown: dict[int, list[Any]] = {}
    for event in said:
        if event["type"] == "content_block_start":
            grown[event["index"]] = [event["content_block"]["type"], ""]
        elif event["type"] == "content_block_delta":
            delta = event["delta"]
            grown[event["index"]][1] += delta.get("text") or delta.get("partial_json") or delta.get("thinking") or ""
    return grown


def stopped(said: list[dict[str, Any]]) -> Any:
    return next(event["delta"] for event in said if event["type"] == "message_delta")


@pytest.mark.parametrize(
    ("reason", "becomes"),
    [
        ("stop", "end_turn"),
        ("length", "max_tokens"),
        ("content_filter", "refusal"),
        ("tool_calls", "tool_use"),
        ("eos", "end_turn"),
    ],
)
def test_reasons(reason: str, becomes: str) -> None:
    said = events(chunk({"content": "a"}), chunk({}, reason), b"[DONE]")
    assert stopped(said) == {"stop_reason": becomes, "stop_sequence": None}
    assert said[-1] == {"type": "message_stop"}


def test_a_server_that_says_stop_after_tool_calls_is_understood() -> None:
    said = events(chunk({"tool_calls": [call("{}", index=0, id="a", name="f")]}, "stop"), b"[DONE]")
    assert stopped(said)["stop_reason"] == "tool_use"


def test_a_refusal_is_text_and_the_reason() -> None:
    said = events(chunk({"refusal": "No."}), chunk({}, "stop"), b"[DONE]")
    assert blocks(said) == {0: ["text", "No."]}
    assert stopped(said)["stop_reason"] == "refusal"


def test_the_stop_sequence_is_told_where_the_server_tells_it() -> None:
    said = events(chunk({"content": "a"}, "stop", stop_reason="END"), b"[DONE]", stop_sequences=["END"])
    assert stopped(said) == {"stop_reason": "stop_sequence", "stop_sequence": "END"}
    said = events(chunk({"content": "a"}, "stop", stop_reason=128001), b"[DONE]", stop_sequences=["END"])
    assert stopped(said)["stop_reason"] == "end_turn"


def test_calls_that_are_numbered_alike_are_told_apart_by_their_id() -> None:
    first, second = call('{"a":1}', index=0, id="a", name="f"), call('{"b":2}', index=0, id="b", name="g")
    said = events(chunk({"tool_calls": [first]}), chunk({"tool_calls": [second]}, "tool_calls"), b"[DONE]")
    assert blocks(said) == {0: ["tool_use", '{"a":1}'], 1: ["tool_use", '{"b":2}']}
    assert [event["index"] for event in said if event["type"] == "content_block_stop"] == [0, 1]


def test_thoughts_reach_only_those_who_asked_for_them() -> None:
    given = (chunk({"reasoning": "Hm."}), chunk({"content": "Yes."}, "stop"), b"[DONE]")
    assert blocks(events(*given)) == {0: ["text", "Yes."]}
    assert blocks(events(*given, thinking={"type": "adaptive", "display": "omitted"})) == {0: ["text", "Yes."]}
    assert blocks(events(*given, thinking={"type": "adaptive"})) == {0: ["thinking", "Hm."], 1: ["text", "Yes."]}


def test_text_after_a_call_is_a_block_of_its_own() -> None:
    said = events(
        chunk({"content": "a"}),
        chunk({"tool_calls": [call("", index=0, id="a", name="f")]}),
        chunk({"content": "b"}, "stop"),
    )
    assert blocks(said) == {0: ["text", "a"], 1: ["tool_use", ""], 2: ["text", "b"]}


def test_every_block_that_begins_ends_once() -> None:
    said = events(
        chunk({"reasoning_content": "r", "content": "a"}),
        chunk({"tool_calls": [call("{", index=0, id="a", name="f"), call("{}", index=1, id="b", name="g")]}),
        chunk({"tool_calls": [call("}", index=0)]}, "tool_calls"),
        b"[DONE]",
        thinking={"type": "adaptive"},
    )
    began = [event["index"] for event in said if event["type"] == "content_block_start"]
    ended = [event["index"] for event in said if event["type"] == "content_block_stop"]
    assert began == [0, 1, 2, 3]
    assert sorted(ended) == began


def test_a_missing_end_mark_is_forgiven_where_the_reason_came() -> None:
    assert events(chunk({"content": "a"}, "stop"))[-1]["type"] == "message_stop"
    assert events(chunk({"content": "a"}))[-1]["type"] == "content_block_delta"


def test_an_end_mark_without_a_reason_is_an_end() -> None:
    assert stopped(events(chunk({"content": "a"}), b"[DONE]"))["stop_reason"] == "end_turn"


def test_nothing_comes_of_nothing() -> None:
    assert events(b"[DONE]") == []


@pytest.mark.parametrize(
    "given",
    [
        {"choices": "none"},
        {"choices": [{"index": 1, "delta": {"content": "second"}}]},
        {"choices": [{"index": 0, "delta": {}}, {"index": 1, "delta": {}}]},
        chunk("text"),
        chunk({"content": 5}),
        chunk({"tool_calls": [call("{}", index=0)]}),
        chunk({"tool_calls": [{"index": 0, "id": "a", "type": "custom", "custom": {}}]}),
        chunk({"tool_calls": "all"}),
    ],
)
def test_what_is_not_of_the_dialect_ends_the_stream(given: dict[str, Any]) -> None:
    with pytest.raises(StreamMalformed):
        events(given)


def test_more_calls_than_the_gateway_follows_end_the_stream(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "STREAM_TEXTS_MAX", 3)
    calls = [chunk({"tool_calls": [call("", index=index, id=f"c{index}", name="f")]}) for index in range(4)]
    assert len(blocks(events(*calls[:3]))) == 3
    with pytest.raises(StreamMalformed):
        events(*calls)
