"""Callers of the Responses API at deployments of chat completions: nothing is lost, and streams say what answers say."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

import orjson
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway_ext.dialects.translation.contract import Asked, Traits
from gateway_ext.dialects.translation.responses_answer import response_of
from gateway_ext.dialects.translation.responses_request import chat_request
from gateway_ext.dialects.translation.responses_stream import EventsOfResponse
from gateway_ext.dialects.translation.responses_tools import custom_input
from tests.unit.dialects.clients import documents

MARK = "§"  # begins every text of the caller's
TEXT = st.text(st.characters(codec="utf-8"), max_size=12).map(lambda text: MARK + text)
CONTENT = TEXT | st.lists(st.builds(lambda text: {"type": "input_text", "text": text}, TEXT), max_size=3)
ITEM = st.one_of(
    st.builds(
        lambda role, content: {"role": role, "content": content},
        st.sampled_from(["user", "assistant", "system", "developer"]),
        CONTENT,
    ),
    st.builds(lambda text: {"role": "assistant", "content": [{"type": "refusal", "refusal": text}]}, TEXT),
    st.builds(
        lambda name, text: {"type": "function_call", "call_id": "c", "name": name, "arguments": text}, TEXT, TEXT
    ),
    st.builds(lambda name, text: {"type": "custom_tool_call", "call_id": "c", "name": name, "input": text}, TEXT, TEXT),
    st.builds(lambda content: {"type": "function_call_output", "call_id": "c", "output": content}, CONTENT),
)
TOOL = st.one_of(
    st.builds(lambda name, text: {"type": "function", "name": name, "description": text}, TEXT, TEXT),
    st.builds(lambda name, text: {"type": "custom", "name": name, "description": text}, TEXT, TEXT),
)
REQUEST = st.fixed_dictionaries(
    {"model": st.just("m"), "instructions": TEXT, "input": st.lists(ITEM, max_size=8)},
    optional={"tools": st.lists(TOOL, max_size=3)},
)

ASKED = Asked({"model": "m", "input": "Hi", "tools": [{"type": "custom", "name": "note"}]}, at_seconds=7)
HEAD = {"id": "chatcmpl-1", "created": 5, "model": "m"}
PIECES = st.lists(st.text(st.characters(codec="utf-8"), max_size=6), max_size=4)


@settings(max_examples=100, deadline=None)
@given(REQUEST)
def test_no_text_of_a_request_is_lost_or_added(request: dict[str, Any]) -> None:
    translated = chat_request(request, Traits(), False)
    assert Counter(marked(translated)) == Counter(marked(request))


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_a_stream_ends_with_the_answer(data: st.DataObject) -> None:
    texts = {name: data.draw(PIECES, label=name) for name in ("reasoning_content", "content", "refusal")}
    names = data.draw(st.lists(st.sampled_from(["look", "note"]), max_size=3), label="calls")
    arguments = [data.draw(PIECES, label="arguments") for _ in names]
    reason = data.draw(st.sampled_from(["stop", "tool_calls", "length", "content_filter"]))
    deltas: list[dict[str, Any]] = [{name: piece} for name, pieces in texts.items() for piece in pieces]
    deltas += [{"tool_calls": [piece]} for piece in data.draw(interleaved(names, arguments))]

    stream = b"".join(event({**HEAD, "choices": [{"index": 0, "delta": delta}]}) for delta in deltas)
    stream += event({**HEAD, "choices": [{"index": 0, "delta": {}, "finish_reason": reason}]}) + b"data: [DONE]\n\n"
    message = {name: "".join(pieces) for name, pieces in texts.items()}
    calls = [
        call(index, name, "".join(pieces)) for index, (name, pieces) in enumerate(zip(names, arguments, strict=True))
    ]
    whole = {**HEAD, "choices": [{"index": 0, "message": {**message, "tool_calls": calls}, "finish_reason": reason}]}

    told = documents(translated(stream, data.draw(st.integers(1, len(stream)))))
    assert told[-1]["response"] == response_of(whole, ASKED)
    check_growth(told)
    check_next_turn(told[-1]["response"]["output"], message, calls)


@st.composite
def interleaved(draw: st.DrawFn, names: list[str], arguments: list[list[str]]) -> list[dict[str, Any]]:
    """Pieces of the calls: they begin in their order, and go on in turns as they like."""
    turns = draw(st.permutations([index for index, pieces in enumerate(arguments) for _ in pieces]))
    left = [iter(pieces) for pieces in arguments]
    begun = [call(index, name, "") for index, name in enumerate(names)]
    return begun + [{"index": index, "function": {"arguments": next(left[index])}} for index in turns]


def call(index: int, name: str, arguments: str) -> dict[str, Any]:
    function = {"name": name, "arguments": arguments}
    return {"index": index, "id": f"call_{index}", "type": "function", "function": function}


def event(document: dict[str, Any]) -> bytes:
    return b"data: " + orjson.dumps(document) + b"\n\n"


def translated(stream: bytes, size: int) -> bytes:
    translator = EventsOfResponse(ASKED)
    fed = [translator.feed(stream[at : at + size]) for at in range(0, len(stream), size)]
    return b"".join(fed) + translator.finish()


def check_growth(told: list[dict[str, Any]]) -> None:
    """The pieces of every text are its whole; items end as they stand in the Response; numbers have no gap."""
    grown: Counter[str] = Counter()
    pieces: dict[tuple[str, str], str] = {}
    for number, each in enumerate(told):
        assert each["sequence_number"] == number
        kind, _, step = each["type"].rpartition(".")
        if step == "delta":
            pieces[each["item_id"], kind] = pieces.get((each["item_id"], kind), "") + each["delta"]
        elif step == "done" and "item_id" in each and "part" not in each:
            (text,) = [each[name] for name in ("text", "refusal", "arguments", "input") if name in each]
            assert pieces.get((each["item_id"], kind), "") == text
        elif each["type"] == "response.output_item.done":
            grown[each["item"]["id"]] += 1
            assert each["item"] == told[-1]["response"]["output"][each["output_index"]]
    assert grown == Counter(item["id"] for item in told[-1]["response"]["output"])


def check_next_turn(output: list[dict[str, Any]], message: dict[str, str], calls: list[dict[str, Any]]) -> None:
    """Clients send the output back as it is: the model then reads what it has said, but for its thoughts."""
    user = {"role": "user", "content": "Hi"}
    request = chat_request({"model": "m", "input": [user, *output]}, Traits(), False)
    said = [message[name] for name in ("content", "refusal") if message[name]]
    turns = request["messages"][1:]
    assert len(turns) == bool(said or calls)
    for turn in turns:
        content = turn["content"] if isinstance(turn["content"], list) else [{"text": turn["content"]}]
        assert [part.get("text", part.get("refusal")) for part in content if any(part.values())] == said
        for call_made, sent in zip(calls, turn.get("tool_calls", []), strict=True):
            assert sent["id"] == call_made["id"]
            assert sent["function"]["name"] == call_made["function"]["name"]
            arguments = call_made["function"]["arguments"]
            is_custom = call_made["function"]["name"] == "note"
            back = sent["function"]["arguments"]
            assert (custom_input(back) if is_custom else back) == (arguments if is_custom else arguments or "{}")


def marked(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        text = custom_input(value)
        if text.startswith(MARK):
            yield text
    elif isinstance(value, dict | list):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from marked(inner)
