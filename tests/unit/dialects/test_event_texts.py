from typing import Any

import orjson
import pytest

from gateway_ext import limits
from gateway_ext.dialects.event_texts import End, EventTexts, read_document, read_event_texts
from gateway_ext.dialects.sse import SseEvent, StreamMalformed


def event(data: bytes, name: str = "") -> SseEvent:
    return SseEvent(raw=b"", event=name, data=data)


def texts(document: Any, name: str = "") -> EventTexts:
    sse = event(orjson.dumps(document), name)
    return read_event_texts(sse, read_document(sse))


def growing(document: Any) -> list[tuple[str, str, bool]]:
    return [(f"{piece.group} {piece.name}", piece.value, piece.is_json) for piece in texts(document).growing]


def chat(delta: Any, index: Any = 0, **members: Any) -> dict[str, Any]:
    return {"choices": [{"index": index, "delta": delta, "finish_reason": None, **members}]}


def test_chat_deltas_grow_by_choice_and_path() -> None:
    call = {"index": 3, "id": "call_1", "type": "function", "function": {"name": "mail", "arguments": "{"}}
    assert growing(chat({"role": "assistant", "content": "Hi", "refusal": "No", "tool_calls": [call]}, 2)) == [
        ("choice 2 /delta/content", "Hi", False),
        ("choice 2 /delta/refusal", "No", False),
        ("choice 2 /delta/tool_calls/3/function/name", "mail", False),
        ("choice 2 /delta/tool_calls/3/function/arguments", "{", True),
    ]


def test_unknown_parts_of_a_delta_grow_too_and_their_keys_are_read() -> None:
    found = texts(chat({"brand_new": [{"text": "T"}], "content": [{"type": "text", "text": "P"}]}))
    assert [(piece.name, piece.value) for piece in found.growing] == [
        ("/delta/brand_new/0/text", "T"),
        ("/delta/content/0/text", "P"),
    ]
    assert [(text.value, text.is_key) for text in found.whole] == [("brand_new", True)]


def test_completions_and_their_token_probabilities_grow() -> None:
    logprobs = {"tokens": ["a", "b"], "token_logprobs": [-1, -1], "top_logprobs": [{"c": -2}]}
    found = texts({"choices": [{"index": 1, "text": "ab", "logprobs": logprobs}]})
    assert [(piece.group, piece.name, piece.value) for piece in found.growing] == [
        ("choice 1", "/text", "ab"),
        ("choice 1", "/logprobs/tokens", "ab"),
    ]
    assert [text.value for text in found.whole] == ["c"]


@pytest.mark.parametrize("index", ["0", None, True, 1.5, [], {}])
def test_a_choice_without_a_number_counts_by_its_position(index: Any) -> None:
    assert texts(chat({"content": "Hi"}, index)).growing[0].group == "choice 0"


@pytest.mark.parametrize(
    ("kind", "members", "is_json"),
    [
        ("output_text", {"content_index": 1}, False),
        ("refusal", {"content_index": 1}, False),
        ("reasoning_text", {"content_index": 1}, False),
        ("reasoning_summary_text", {"summary_index": 1}, False),
        ("function_call_arguments", {}, True),
        ("mcp_call_arguments", {}, True),
        ("custom_tool_call_input", {}, False),
        ("code_interpreter_call_code", {}, False),
        ("shell_call_command", {"command_index": 1}, False),
        ("brand_new", {}, False),
    ],
)
def test_deltas_of_the_responses_endpoint_grow_until_they_are_done(
    kind: str, members: dict[str, int], is_json: bool
) -> None:
    place = {"item_id": "msg_1", "output_index": 4, **members}
    (piece,) = texts({"type": f"response.{kind}.delta", **place, "delta": "Hi"}).growing
    assert (piece.group, piece.value, piece.is_json) == ("output_index 4", "Hi", is_json)
    (end,) = texts({"type": f"response.{kind}.done", **place, "text": "Hi"}).ends
    assert end.group == piece.group
    assert end.prefix
    assert piece.name.startswith(end.prefix)
    (other,) = texts({"type": f"response.{kind}.delta", **place, "content_index": 9, "delta": "Hi"}).growing
    assert other.name != piece.name


def test_what_announces_a_text_may_hold_its_beginning() -> None:
    block = {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": "H"}}
    delta = {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "i"}}
    assert [growing(document)[0][0] for document in (block, delta)] == ["index 0 :/delta/text"] * 2
    place = {"item_id": "m", "output_index": 0, "content_index": 0}
    part = {"type": "response.content_part.added", **place, "part": {"type": "refusal", "refusal": "N"}}
    refusal = {"type": "response.refusal.delta", **place, "delta": "o"}
    assert growing(part)[0][0] == growing(refusal)[0][0]


@pytest.mark.parametrize(
    ("delta", "expected"),
    [
        ({"type": "text_delta", "text": "T"}, [("index 2 :/delta/text", "T", False)]),
        ({"type": "thinking_delta", "thinking": "T"}, [("index 2 :/delta/thinking", "T", False)]),
        ({"type": "input_json_delta", "partial_json": "{"}, [("index 2 :/delta/partial_json", "{", True)]),
        ({"type": "signature_delta", "signature": "A" * 200}, []),
        ({"type": "citations_delta", "citation": {"cited_text": "C"}}, []),
    ],
)
def test_deltas_of_messages_grow_by_block(delta: dict[str, Any], expected: list[Any]) -> None:
    assert growing({"type": "content_block_delta", "index": 2, "delta": delta}) == expected


def test_a_citation_and_a_stop_sequence_are_whole() -> None:
    citation = {"type": "citations_delta", "citation": {"cited_text": "C", "title": "T"}}
    found = texts({"type": "content_block_delta", "index": 0, "delta": citation})
    assert [text.value for text in found.whole] == ["C", "T"]
    stop = {"type": "message_delta", "delta": {"stop_reason": "stop_sequence", "stop_sequence": "S"}}
    assert [text.value for text in texts(stop).whole] == ["S"]


def test_audio_is_not_read_but_what_is_no_encoding_is() -> None:
    audio = {"type": "response.audio.delta", "delta": "QUJD" * 100}
    assert growing(audio) == []
    assert growing({**audio, "delta": "spoken words"})[0][1] == "spoken words"


@pytest.mark.parametrize(
    ("document", "ends"),
    [
        (chat({}, 1, finish_reason="stop"), [End("choice 1")]),
        (chat({}, 1, finish_reason=""), []),
        (chat({}), []),
        ({"type": "content_block_stop", "index": 3}, [End("index 3")]),
        ({"type": "response.output_item.done", "output_index": 3, "item": {}}, [End("output_index 3")]),
        ({"type": "message_stop"}, [End(None)]),
        ({"type": "response.completed", "response": {}}, [End(None)]),
        ({"type": "response.failed", "response": {}}, [End(None)]),
        ({"type": "error", "error": {}}, [End(None)]),
        ({"type": "ping"}, []),
    ],
)
def test_ends(document: dict[str, Any], ends: list[End]) -> None:
    assert list(texts(document).ends) == ends


def test_unknown_events_are_read_whole() -> None:
    found = texts({"type": "brand_new", "words": ["W"], "text": '{"a":"\\u0042"}'})
    assert [text.value for text in found.whole] == ["words", '{"a":"\\u0042"}', "B", "W"]


def test_the_end_mark_ends_all_and_has_no_document() -> None:
    for data in (b"[DONE]", b" [DONE] "):
        assert read_document(event(data)) is None
        assert read_event_texts(event(data), None).ends == (End(None),)
    assert read_event_texts(event(b""), read_document(event(b""))) == EventTexts()


@pytest.mark.parametrize("data", [b"{", b"[]", b'"text"', b"[DONE] text", b'{"a":1,"a":2}', b'{"a":"\xff"}', b"1"])
def test_data_that_is_no_strict_json_object_is_malformed(data: bytes) -> None:
    with pytest.raises(StreamMalformed):
        read_document(event(data))


def test_endless_names_are_malformed() -> None:
    with pytest.raises(StreamMalformed):
        texts(chat({"x" * limits.STREAM_TEXT_NAME_CHARACTERS_MAX: "v"}))


def test_very_many_choices_are_read() -> None:
    found = texts({"choices": [{"index": index, "delta": {"content": "Hi"}} for index in range(4_096)]})
    assert len({piece.group for piece in found.growing}) == 4_096
