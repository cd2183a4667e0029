from collections.abc import Mapping
from typing import Any

import orjson
import pytest
from openai.types.responses import Response

from gateway_ext import limits
from gateway_ext.dialects.answers import AnswerMalformed
from gateway_ext.dialects.translation.contract import Asked
from gateway_ext.dialects.translation.responses_answer import response_of
from gateway_ext.dialects.translation.translate import translate_request
from gateway_ext.exchange import Endpoint

ASKED = Asked({"model": "asked-for", "input": "Hi"}, at_seconds=1_700_000_000)


def completion(message: Mapping[str, Any], reason: str | None = "stop", **besides: Any) -> dict[str, Any]:
    choice = {"index": 0, "message": {"role": "assistant", **message}, "finish_reason": reason}
    return {"id": "chatcmpl-1", "object": "chat.completion", "created": 5, "model": "m", "choices": [choice], **besides}


def answer(given: Mapping[str, Any], asked: Asked = ASKED) -> Response:
    return Response.model_validate(response_of(given, asked))


@pytest.mark.parametrize(
    ("reason", "status", "why"),
    [
        ("stop", "completed", None),
        ("tool_calls", "completed", None),
        ("eos_token", "completed", None),
        (None, "completed", None),
        ("length", "incomplete", "max_output_tokens"),
        ("content_filter", "incomplete", "content_filter"),
    ],
)
def test_why_it_ended(reason: str | None, status: str, why: str | None) -> None:
    response = answer(completion({"content": "Hi"}, reason))
    assert response.status == status
    assert (response.incomplete_details.reason if response.incomplete_details else None) == why
    (message,) = response.output
    assert message.type == "message"
    assert message.status == status
    assert response.output_text == "Hi"


def test_only_the_last_item_can_have_been_cut() -> None:
    calls = [{"id": f"c{n}", "type": "function", "function": {"name": "f", "arguments": '{"a"'}} for n in range(2)]
    response = answer(completion({"content": "Hi", "tool_calls": calls}, "length"))
    assert [item.status for item in response.output if item.type != "reasoning"] == [  # type: ignore[union-attr]  # all have one
        "completed",
        "completed",
        "incomplete",
    ]


def test_a_failure_instead_of_a_reason() -> None:
    response = answer(completion({"content": "Hi"}, "error"))
    assert response.status == "failed"
    assert response.error is not None
    assert response.error.code == "server_error"
    assert response.output_text == "Hi"


def test_an_error_with_status_200() -> None:
    response = answer({"error": {"message": "Slow down", "code": "rate_limit_exceeded", "type": "tokens"}})
    assert response.status == "failed"
    assert response.error is not None
    assert (response.error.code, response.error.message) == ("rate_limit_exceeded", "Slow down")


def test_without_words_of_its_own_the_provider_is_named_by_the_request() -> None:
    response = answer({"choices": [{"message": {"content": "Hi"}}]})
    assert (response.model, response.created_at) == ("asked-for", 1_700_000_000)
    assert response.id == "resp_1700000000"
    assert response.usage is None


def test_words_of_compatible_servers() -> None:
    thinking = [{"type": "thinking", "thinking": [{"type": "text", "text": "Hm"}, {"type": "text", "text": "."}]}]
    for message in (
        {"reasoning": "Hm.", "content": "Hi"},
        {"reasoning_content": "Hm.", "reasoning": "Hm.", "content": "Hi"},
        {"content": [*thinking, {"type": "text", "text": "Hi"}]},
    ):
        thought, said = response_of(completion(message), ASKED)["output"]
        assert thought["summary"] == [{"type": "summary_text", "text": "Hm."}]
        assert [part["text"] for part in said["content"]] == ["Hi"]


def test_a_text_and_a_refusal_are_two_parts_of_a_message() -> None:
    (message,) = response_of(completion({"content": "Well", "refusal": "No"}), ASKED)["output"]
    assert [part["type"] for part in message["content"]] == ["output_text", "refusal"]


def test_calls_without_an_id_are_given_one() -> None:
    call = {"type": "function", "function": {"name": "f", "arguments": "{}"}}
    first, second = response_of(completion({"tool_calls": [call, call]}), ASKED)["output"]
    assert first["call_id"] != second["call_id"]


def test_what_chat_completions_do_not_know_goes_along() -> None:
    given = completion({"content": "Hi"}, service_tier="default", timings={"prompt_ms": 3}, status="odd", x=None)
    response = response_of(given, ASKED)
    assert response["timings"] == {"prompt_ms": 3}
    assert response["service_tier"] == "default"
    assert response["status"] == "completed"
    assert "x" not in response


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"choices": []},
        {"choices": {}},
        {"choices": [1]},
        {"choices": [{"index": 0, "message": []}, {"index": 1, "message": {}}]},
        {"choices": [{"index": 1, "message": {"content": "Hi"}}]},
        {"choices": [{"message": "Hi"}]},
        completion({"content": 5}),
        completion({"content": [{"type": "image"}]}),
        completion({"tool_calls": {"a": 1}}),
        completion({"tool_calls": [{"function": {"arguments": "{}"}}]}),
        completion({"tool_calls": [{"function": {"name": "f", "arguments": {}}}]}),
        completion({"tool_calls": [{"index": "0", "function": {"name": "f"}}]}),
        completion({"annotations": [5]}),
    ],
)
def test_what_is_no_chat_completion(given: Mapping[str, Any]) -> None:
    with pytest.raises(AnswerMalformed):
        response_of(given, ASKED)


def test_more_than_the_gateway_keeps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "RESPONSE_BODY_BYTES_MAX", 10)
    assert response_of(completion({"content": "x" * 10}), ASKED)
    with pytest.raises(AnswerMalformed):
        response_of(completion({"content": "x" * 11}), ASKED)
    with pytest.raises(AnswerMalformed):
        response_of(completion({"content": ""}, besides="x" * 11), ASKED)


def test_errors_stay_as_they_are_within_a_dialect() -> None:
    _, way_back = translate_request(
        {"model": "m", "input": "Hi"},
        Endpoint.RESPONSES,
        Endpoint.CHAT_COMPLETIONS,
        keeps_unknown=False,
        asked_at_seconds=0,
    )
    error = b'{"error": {"message": "No", "type": "insufficient_quota", "param": null, "code": "insufficient_quota"}}'
    assert way_back.answer(error, 429) == error


def test_errors_of_anthropics_models_are_openais() -> None:
    _, way_back = translate_request(
        {"model": "m", "input": "Hi", "max_output_tokens": 5},
        Endpoint.RESPONSES,
        Endpoint.MESSAGES,
        keeps_unknown=False,
        asked_at_seconds=0,
    )
    error = orjson.loads(way_back.answer(b'{"type":"error","error":{"type":"overloaded_error","message":"Busy"}}', 529))
    assert error["error"]["message"] == "Busy"
    assert error["error"].keys() == {"message", "type", "param", "code"}
