from collections.abc import Iterable
from typing import Any

import httpx2
import openai
import orjson
import pytest
from openai.types.responses import ResponseStreamEvent
from pydantic import TypeAdapter

from gateway_ext import limits
from gateway_ext.dialects.sse import StreamMalformed
from gateway_ext.dialects.translation.contract import Asked
from gateway_ext.dialects.translation.responses_answer import response_of
from gateway_ext.dialects.translation.responses_stream import EventsOfResponse
from tests.unit.dialects.clients import documents
from tests.unit.dialects.translation.test_responses_golden import STREAMS, stream_of

ASKED = Asked({"model": "asked-for", "input": "Hi", "stream": True}, at_seconds=1_700_000_000)
HEAD = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 5, "model": "m"}
EVENT: TypeAdapter[Any] = TypeAdapter(ResponseStreamEvent)


def chunk(delta: dict[str, Any], reason: str | None = None, **besides: Any) -> dict[str, Any]:
    return {**HEAD, "choices": [{"index": 0, "delta": delta, "finish_reason": reason}], **besides}


def sse(*given: dict[str, Any] | str) -> bytes:
    return b"".join(b"data: " + (g.encode() if isinstance(g, str) else orjson.dumps(g)) + b"\n\n" for g in given)


def events(given: bytes) -> list[dict[str, Any]]:
    stream = EventsOfResponse(ASKED)
    found = documents(stream.feed(given) + stream.finish())
    for event in found:
        EVENT.validate_python(event)
    assert [event["sequence_number"] for event in found] == list(range(len(found)))
    return found


def final(given: bytes) -> dict[str, Any]:
    last: dict[str, Any] = events(given)[-1]["response"]
    return last


def call(name: str, arguments: str, **more: Any) -> dict[str, Any]:
    return {"type": "function", "function": {"name": name, "arguments": arguments}, **more}


def client(stream: bytes) -> openai.OpenAI:
    transport = httpx2.MockTransport(
        lambda _: httpx2.Response(200, headers={"content-type": "text/event-stream"}, content=stream)
    )
    return openai.OpenAI(
        api_key="k", base_url="http://gateway/v1", max_retries=0, http_client=httpx2.Client(transport=transport)
    )


@pytest.mark.parametrize("name", [name for name in STREAMS if name.endswith("_tools")])
def test_openais_client_ends_up_with_the_answer(name: str) -> None:
    stream, given = stream_of(name)
    out = stream.feed(given) + stream.finish()
    with client(out) as sdk, sdk.responses.stream(model="m", input="Hi") as received:
        said = "".join([event.delta for event in received if event.type == "response.output_text.delta"])
        response = received.get_final_response()
    told = documents(out)[-1]["response"]
    assert response.output_text == said
    assert without_parsed(response.to_dict()) == told


def without_parsed(value: Any) -> Any:
    """The client adds what it makes of texts."""
    if isinstance(value, dict):
        return {key: without_parsed(inner) for key, inner in value.items() if not key.startswith("parsed")}
    return [without_parsed(inner) for inner in value] if isinstance(value, list) else value


def test_openais_client_raises_where_the_provider_fails() -> None:
    stream, given = stream_of("from_chat_error")
    out = stream.feed(given) + stream.finish()
    kinds: list[str] = []
    with (
        client(out) as sdk,
        sdk.responses.create(model="m", input="Hi", stream=True) as received,
        pytest.raises(openai.APIError, match="Stopped by the gateway") as raised,
    ):
        kinds += [event.type for event in received]
    assert raised.value.code == "answer_blocked"


def test_the_answer_is_that_of_the_whole_completion() -> None:
    pieces: list[dict[str, Any]] = [
        {"role": "assistant", "content": ""},
        {"reasoning_content": "Hm"},
        {"reasoning_content": "."},
        {"content": "One"},
        {"content": " two"},
        {"tool_calls": [{"index": 0, "id": "a", **call("f", '{"x"')}]},
        {"tool_calls": [{"index": 1, "id": "b", **call("g", "")}]},
        {"tool_calls": [{"index": 0, "function": {"arguments": ":1}"}}]},
    ]
    usage = {"prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 7}
    streamed = final(
        sse(*map(chunk, pieces), chunk({}, "tool_calls"), {**HEAD, "choices": [], "usage": usage}, "[DONE]")
    )
    message = {
        "reasoning_content": "Hm.",
        "content": "One two",
        "tool_calls": [call("f", '{"x":1}', id="a"), call("g", "", id="b")],
    }
    whole = {**HEAD, "choices": [{"index": 0, "message": message, "finish_reason": "tool_calls"}], "usage": usage}
    assert streamed == response_of(whole, ASKED)


def test_thoughts_between_texts_are_items_of_their_own() -> None:
    given = [chunk({"content": "A"}), chunk({"reasoning": "Hm"}), chunk({"content": "B"}, "stop")]
    output = final(sse(*given, "[DONE]"))["output"]
    assert [item["type"] for item in output] == ["message", "reasoning", "message"]
    assert len({item["id"] for item in output}) == 3


@pytest.mark.parametrize("numbering", [{"index": 0}, {}, {"index": None}])
def test_servers_that_number_all_calls_alike(numbering: dict[str, Any]) -> None:
    given = [chunk({"tool_calls": [{**numbering, **call("f", f'{{"n":{n}}}', id=f"call_{n}")}]}) for n in range(3)]
    output = final(sse(*given, chunk({}, "tool_calls"), "[DONE]"))["output"]
    assert [(item["call_id"], item["arguments"]) for item in output] == [
        (f"call_{n}", f'{{"n":{n}}}') for n in range(3)
    ]
    assert {item["status"] for item in output} == {"completed"}


def test_servers_that_repeat_the_id_in_every_piece() -> None:
    given = [chunk({"tool_calls": [{"index": 0, **call("f", piece, id="c")}]}) for piece in ("{", "}")]
    (item,) = final(sse(*given, "[DONE]"))["output"]
    assert item["arguments"] == "{}"


def test_chunks_before_the_answer() -> None:
    azure = {"choices": [], "created": 0, "id": "", "model": "", "prompt_filter_results": [{"prompt_index": 0}]}
    response = final(sse(azure, chunk({"content": "Hi"}, "stop"), "[DONE]"))
    assert (response["id"], response["model"], response["created_at"]) == ("resp_1", "m", 5)
    assert response["prompt_filter_results"] == [{"prompt_index": 0}]


def test_a_field_that_changes_with_every_chunk_is_kept_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "RESPONSE_BODY_BYTES_MAX", 200)
    chunks = [chunk({"content": "a"}, timings={"n": n, "per": "x" * 30}, obfuscation="y" * 50) for n in range(50)]
    response = final(sse(*chunks, "[DONE]"))
    assert response["timings"]["n"] == 49
    assert "obfuscation" not in response


def test_names_of_answers_are_short() -> None:
    response = final(sse({**chunk({"content": "Hi"}), "id": "chatcmpl-" + "x" * 10_000}, "[DONE]"))
    assert len(response["id"]) < 100
    assert len(response["output"][0]["id"]) < 100


def test_usage_in_every_chunk_counts_once() -> None:
    counts = [{"prompt_tokens": 3, "completion_tokens": n, "total_tokens": 3 + n} for n in (1, 2)]
    response = final(sse(*(chunk({"content": "a"}, usage=usage) for usage in counts), "[DONE]"))
    assert response["usage"]["output_tokens"] == 2


def test_probabilities_come_with_their_text() -> None:
    tokens: list[dict[str, Any]] = [{"token": t, "logprob": -1.0, "bytes": None, "top_logprobs": []} for t in "ab"]
    chunks = [chunk({"content": token["token"]}) for token in tokens]
    for piece, token in zip(chunks, tokens, strict=True):
        piece["choices"][0]["logprobs"] = {"content": [token]}
    found = events(sse(*chunks, "[DONE]"))
    deltas = [event["logprobs"] for event in found if event["type"] == "response.output_text.delta"]
    (message,) = found[-1]["response"]["output"]
    assert [token["token"] for tokens in deltas for token in tokens] == ["a", "b"]
    assert message["content"][0]["logprobs"] == [token for tokens in deltas for token in tokens]


def test_a_missing_end_mark_is_forgiven_after_a_complete_answer() -> None:
    complete = sse(chunk({"content": "Hi"}, "stop"))
    assert events(complete)[-1]["type"] == "response.completed"
    assert events(complete.rstrip())[-1]["type"] == "response.completed"


def test_a_stream_that_is_cut_has_no_end() -> None:
    kinds = {event["type"] for event in events(sse(chunk({"content": "Hi"})))}
    assert kinds.isdisjoint({"response.completed", "response.incomplete", "response.failed"})


def test_nothing_follows_the_end() -> None:
    ended = sse(chunk({"content": "Hi"}, "stop"), "[DONE]")
    assert events(ended + sse(chunk({"content": "more"}), "[DONE]")) == events(ended)


def test_an_end_mark_alone_is_an_empty_answer() -> None:
    assert final(sse("[DONE]"))["output"] == []


def test_a_failure_before_anything_is_said() -> None:
    kinds = [event["type"] for event in events(sse({"error": {"message": "Busy", "type": "overloaded"}}))]
    assert kinds == ["response.created", "response.in_progress", "response.failed", "error"]


@pytest.mark.parametrize(
    "given", ["[]", "{", '{"choices": 5}', '{"choices": [{"delta": {"content": 5}}]}', '{"choices": [{"index": 1}]}']
)
def test_what_is_no_chunk(given: str) -> None:
    with pytest.raises(StreamMalformed):
        EventsOfResponse(ASKED).feed(sse(given))


def test_no_more_is_kept_than_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "RESPONSE_BODY_BYTES_MAX", 1000)
    stream = EventsOfResponse(ASKED)
    feed(stream, [chunk({"content": "x" * 100})] * 10)
    with pytest.raises(StreamMalformed):
        feed(stream, [chunk({"content": "x"})])


def test_no_more_items_than_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "STREAM_TEXTS_MAX", 3)
    stream = EventsOfResponse(ASKED)
    with pytest.raises(StreamMalformed):
        feed(stream, [chunk({"tool_calls": [{"index": n, **call("f", "{}", id=f"c{n}")}]}) for n in range(4)])


def feed(stream: EventsOfResponse, chunks: Iterable[dict[str, Any]]) -> None:
    stream.feed(sse(*chunks))
