"""Translation between chat completions and Messages: nothing said is lost or added, however it arrives."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import orjson
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway_ext.dialects.translation.contract import Asked
from gateway_ext.dialects.translation.translate import Translation, translate_request
from gateway_ext.exchange import Endpoint
from tests.unit.dialects.translation.clients import completion_of, message_of
from tests.unit.dialects.translation.official_models import check_answer, check_event, check_request

CHAT, MESSAGES = Endpoint.CHAT_COMPLETIONS, Endpoint.MESSAGES
few = settings(max_examples=60, deadline=None)

# Texts are marked, so that they are told from the words of the protocol wherever they end up.
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=12).map("§{}".format)
names = st.from_regex(r"[a-z][a-z_]{0,8}", fullmatch=True)
ids = st.from_regex(r"[A-Za-z0-9_-]{1,12}", fullmatch=True)
plain = st.none() | st.booleans() | st.integers(-(2**53), 2**53) | texts
json_objects = st.dictionaries(
    texts, st.recursive(plain, lambda inner: st.lists(inner, max_size=3), max_leaves=4), max_size=3
)
pictures = st.sampled_from(["data:image/png;base64,iVBORw0KGgo=", "https://example.org/a.jpg"])
chat_parts = texts.map(lambda text: {"type": "text", "text": text}) | pictures.map(
    lambda url: {"type": "image_url", "image_url": {"url": url}}
)
calls = st.lists(st.tuples(names, json_objects), max_size=3)


@st.composite
def chat_requests(draw: st.DrawFn) -> dict[str, Any]:
    """Of what both dialects have words for: no side speaks twice in a row, and calls are answered at once."""
    messages: list[dict[str, Any]] = []
    for text in draw(st.lists(texts, max_size=2)):
        messages.append({"role": draw(st.sampled_from(["system", "developer"])), "content": text})  # noqa: PERF401
    messages.append(draw(_user()))
    for turn in range(draw(st.integers(0, 2))):
        messages += draw(_exchange(turn))
    request = {"model": "m", "max_tokens": draw(st.integers(1, 10_000)), "messages": messages}
    request |= draw(st.fixed_dictionaries({}, optional={"temperature": st.floats(0, 1), "top_p": st.floats(0, 1)}))
    if draw(st.booleans()):
        request |= {"stop": draw(st.lists(texts, min_size=1, max_size=4))}
    if draw(st.booleans()):
        request |= {"stream": True, "stream_options": {"include_usage": draw(st.booleans())}}
    if tools := draw(st.lists(_tool(), max_size=3)):
        request |= {"tools": tools, "tool_choice": draw(st.sampled_from(["auto", "none", "required"]))}
    return request


@st.composite
def _user(draw: st.DrawFn) -> dict[str, Any]:
    return {"role": "user", "content": draw(texts | st.lists(chat_parts, min_size=1, max_size=3))}


@st.composite
def _exchange(draw: st.DrawFn, turn: int) -> list[dict[str, Any]]:
    """What the assistant says and calls, what the tools say, and the user."""
    called = [
        {"id": f"call_{turn}_{index}", "type": "function", "function": {"name": name, "arguments": _json(arguments)}}
        for index, (name, arguments) in enumerate(draw(calls))
    ]
    said: dict[str, Any] = {"role": "assistant", "content": draw(texts if not called else texts | st.none())}
    results = [{"role": "tool", "tool_call_id": call["id"], "content": draw(texts)} for call in called]
    asks = draw(st.booleans()) or not called
    return [said | ({"tool_calls": called} if called else {}), *results, *([draw(_user())] if asks else [])]


@st.composite
def _tool(draw: st.DrawFn) -> dict[str, Any]:
    schema = {"type": "object", "properties": {draw(names): {"type": "string", "description": draw(texts)}}}
    function = {"name": draw(names), "description": draw(texts), "parameters": schema}
    return {"type": "function", "function": function}


@few
@given(chat_requests())
def test_there_and_back_a_chat_request_means_the_same(request: dict[str, Any]) -> None:
    check_request(CHAT, request)
    there = _translated(request, CHAT, MESSAGES)
    check_request(MESSAGES, there)
    back = _translated(there, MESSAGES, CHAT)
    check_request(CHAT, back)
    assert list(_meaning(back)) == list(_meaning(request))
    for field in ("model", "temperature", "top_p", "stop", "stream", "tools", "tool_choice"):
        assert back.get(field) == request.get(field)
    assert back["max_completion_tokens"] == request["max_tokens"]
    assert _texts(request) == _texts(there) == _texts(back)


@few
@given(chat_requests())
def test_there_and_back_a_messages_request_is_the_same(request: dict[str, Any]) -> None:
    there = _translated(request, CHAT, MESSAGES)
    assert _translated(_translated(there, MESSAGES, CHAT), CHAT, MESSAGES) == there


blocks = st.one_of(
    texts.map(lambda text: {"type": "text", "text": text}),
    texts.map(lambda text: {"type": "thinking", "thinking": text, "signature": "c2lnbmVk"}),
    st.builds(
        lambda name, given: {"type": "tool_use", "id": f"id_{name}", "name": name, "input": given}, names, json_objects
    ),
)
usages = st.tuples(*[st.integers(0, 5_000)] * 4)


@few
@given(st.data(), st.lists(blocks, max_size=5), usages)
def test_a_stream_of_messages_says_what_the_whole_answer_says(
    data: st.DataObject, content: list[Any], used: Any
) -> None:
    usage = dict(zip(("input_tokens", "cache_read_input_tokens", "cache_creation_input_tokens"), used, strict=False))
    usage["output_tokens"] = used[3]
    reason = data.draw(st.sampled_from(["end_turn", "max_tokens", "tool_use", "refusal"]))
    head = {"id": "msg_1", "type": "message", "role": "assistant", "model": "m", "stop_sequence": None}
    message = {**head, "content": content, "stop_reason": reason, "usage": usage}
    check_answer(MESSAGES, message)
    asked = Asked({"model": "m", "stream_options": {"include_usage": True}}, 7)
    way_back = Translation(CHAT, MESSAGES, asked)
    whole = orjson.loads(way_back.answer(orjson.dumps(message), 200))
    check_answer(CHAT, whole)
    stream = _message_events(data, message)
    out = _streamed(way_back, [stream])
    assert out == _streamed(way_back, _split(data, stream))
    assert completion_of(out) == whole


@few
@given(st.data(), st.lists(texts, max_size=2), texts | st.none(), calls, usages)
def test_a_stream_of_chunks_says_what_the_whole_answer_says(
    data: st.DataObject, thoughts: list[str], text: str | None, called: list[Any], used: Any
) -> None:
    tool_calls = [
        {"id": f"call_{index}", "type": "function", "function": {"name": name, "arguments": _json(arguments)}}
        for index, (name, arguments) in enumerate(called)
    ]
    message = {
        "role": "assistant",
        "content": text,
        "reasoning_content": "".join(thoughts) or None,
        "tool_calls": tool_calls,
    }
    usage = {"prompt_tokens": used[0] + used[1], "completion_tokens": used[2], "total_tokens": sum(used[:3])}
    usage["prompt_tokens_details"] = {"cached_tokens": used[1]}
    reason = data.draw(st.sampled_from(["stop", "length", "tool_calls", "content_filter"]))
    head = {"id": "chatcmpl-1", "object": "chat.completion", "created": 5, "model": "m"}
    choice = {"index": 0, "message": message, "finish_reason": reason, "logprobs": None}
    completion = {**head, "choices": [choice], "usage": usage}
    thinking = data.draw(st.sampled_from([{"type": "adaptive"}, {"type": "disabled"}]))
    way_back = Translation(MESSAGES, CHAT, Asked({"model": "m", "max_tokens": 5, "thinking": thinking}, 7))
    whole = orjson.loads(way_back.answer(orjson.dumps(completion), 200))
    check_answer(MESSAGES, whole)
    stream = _chunk_events(data, completion)
    out = _streamed(way_back, [stream])
    assert out == _streamed(way_back, _split(data, stream))
    assert message_of(out) == whole


def _translated(document: dict[str, Any], source: Endpoint, target: Endpoint) -> dict[str, Any]:
    return translate_request(document, source, target, keeps_unknown=False, asked_at_seconds=7)[0]


def _json(value: object) -> str:
    return orjson.dumps(value).decode()


def _meaning(chat: dict[str, Any]) -> Iterator[tuple[Any, ...]]:
    """Who says what: instructions together, however they are cut into messages."""
    instructions: list[dict[str, Any]] = []
    for message in chat["messages"]:
        content = message["content"]
        parts = [{"type": "text", "text": content}] if isinstance(content, str) else content or []
        if message["role"] in ("system", "developer"):
            instructions += parts
            continue
        called = [
            (call["id"], call["function"]["name"], orjson.loads(call["function"]["arguments"]))
            for call in message.get("tool_calls", [])
        ]
        yield message["role"], message.get("tool_call_id"), parts, called
    yield "instructions", instructions


def _texts(document: object) -> Counter[str]:
    """Every marked text, also within arguments."""
    found: Counter[str] = Counter()
    pending = [document]
    while pending:
        value = pending.pop()
        if isinstance(value, dict):
            for key, inner in value.items():
                pending += [key, orjson.loads(inner) if key == "arguments" and isinstance(inner, str) else inner]
        elif isinstance(value, list):
            pending += value
        elif isinstance(value, str) and value.startswith("§"):
            found[value] += 1
    return found


def _split(data: st.DataObject, whole: Any) -> list[Any]:
    """In pieces, wherever."""
    cuts = data.draw(st.lists(st.integers(0, len(whole)), max_size=6).map(sorted))
    return [whole[start:end] for start, end in pairwise([0, *cuts, len(whole)])]


def _message_events(data: st.DataObject, message: dict[str, Any]) -> bytes:
    counts = message["usage"]
    started = {**message, "content": [], "stop_reason": None, "usage": {**counts, "output_tokens": 1}}
    events: list[dict[str, Any]] = [{"type": "message_start", "message": started}]
    for index, block in enumerate(message["content"]):
        kind = block["type"]
        field, delta = {
            "text": ("text", "text"),
            "thinking": ("thinking", "thinking"),
            "tool_use": ("input", "input_json"),
        }[kind]
        grown = _json(block["input"]) if kind == "tool_use" and block["input"] else block[field]
        empty = {**block, field: type(block[field])(), **({"signature": ""} if kind == "thinking" else {})}
        events.append({"type": "content_block_start", "index": index, "content_block": empty})
        for piece in _split(data, grown) if isinstance(grown, str) else [""]:
            name = "partial_json" if kind == "tool_use" else field
            grows = {"type": f"{delta}_delta", name: piece}
            events.append({"type": "content_block_delta", "index": index, "delta": grows})
        events.append({"type": "content_block_stop", "index": index})
    stops = {"stop_reason": message["stop_reason"], "stop_sequence": None}
    events.append({"type": "message_delta", "delta": stops, "usage": {"output_tokens": counts["output_tokens"]}})
    events.append({"type": "message_stop"})
    for event in events:
        check_event(MESSAGES, event)
    events.insert(1, {"type": "ping"})  # which the SDK has no model of
    return b"".join(f"event: {event['type']}\ndata: ".encode() + orjson.dumps(event) + b"\n\n" for event in events)


def _chunk_events(data: st.DataObject, completion: dict[str, Any]) -> bytes:
    message = completion["choices"][0]["message"]
    deltas: list[dict[str, Any]] = [{"role": "assistant", "content": ""}]
    for field in ("reasoning_content", "content"):
        deltas += [{field: piece} for piece in _split(data, message[field] or "")]
    for index, call in enumerate(message["tool_calls"]):
        begun = {**call, "function": {"name": call["function"]["name"], "arguments": ""}}
        deltas.append({"tool_calls": [{"index": index, **begun}]})
        for piece in _split(data, call["function"]["arguments"]):
            deltas.append({"tool_calls": [{"index": index, "function": {"arguments": piece}}]})
    head = {**completion, "object": "chat.completion.chunk"}
    del head["usage"]
    reason = completion["choices"][0]["finish_reason"]
    choices = [{"index": 0, "delta": delta, "finish_reason": None} for delta in deltas]
    choices.append({"index": 0, "delta": {}, "finish_reason": reason})
    events = [{**head, "choices": [choice]} for choice in choices]
    events.append({**head, "choices": [], "usage": completion["usage"]})
    for event in events:
        check_event(CHAT, event)
    return b"".join(b"data: " + orjson.dumps(event) + b"\n\n" for event in events) + b"data: [DONE]\n\n"


def _streamed(way_back: Translation, pieces: list[bytes]) -> bytes:
    stream = way_back.stream()
    return b"".join([stream.feed(piece) for piece in pieces]) + stream.finish()
