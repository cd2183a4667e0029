from collections.abc import Mapping
from typing import Any

import orjson
import pytest

from gateway_ext.dialects.translation import responses_to_chat
from gateway_ext.dialects.translation.composition import Composition
from gateway_ext.dialects.translation.contract import Asked, Traits, Way
from gateway_ext.dialects.translation.responses_to_messages import WAY
from gateway_ext.errors import NotTranslatable
from tests.unit.dialects.clients import documents

REQUEST = {"model": "m", "input": "Hi", "max_output_tokens": 100, "stream": True}
ASKED = Asked(REQUEST, at_seconds=5)


class Unchanged:
    next_sequence_number = 0

    def __init__(self, asked: Asked) -> None:
        self.asked = asked

    def feed(self, chunk: bytes) -> bytes:
        return chunk

    def finish(self) -> bytes:
        return b"data: [DONE]"


SAME = Way(
    request=lambda document, traits, keeps_unknown: dict(document),
    answer=lambda document, asked: {**document, "asked": asked.document},
    stream=Unchanged,
)


@pytest.mark.parametrize(
    ("said", "param"),
    [
        ({"temperature": 1.5}, "temperature"),
        ({"text": {"verbosity": "low"}}, "text.verbosity"),
        ({"reasoning": {"effort": "endless"}}, "reasoning.effort"),
        ({"text": {"format": {"type": "json_object"}}}, "text.format"),
        ({"include": ["message.output_text.logprobs"]}, "include"),
        ({"max_output_tokens": None}, "max_output_tokens"),
        (
            {"input": [{"role": "user", "content": [{"type": "input_audio", "input_audio": {}}]}]},
            "input",
        ),
    ],
)
def test_refusals_name_what_the_caller_has_written(said: Mapping[str, Any], param: str) -> None:
    with pytest.raises(NotTranslatable) as refusal:
        WAY.request({**REQUEST, **said}, Traits(), False)
    assert refusal.value.param == param
    assert f"'{param}'" in str(refusal.value)


def test_refusals_of_the_first_half_stay() -> None:
    with pytest.raises(NotTranslatable) as refusal:
        WAY.request({**REQUEST, "previous_response_id": "resp_1"}, Traits(), False)
    assert refusal.value.param == "previous_response_id"
    assert refusal.value.hint in str(refusal.value)


def test_unknown_fields_go_all_the_way() -> None:
    assert WAY.request({**REQUEST, "tenant": 7}, Traits(), True)["tenant"] == 7
    with pytest.raises(NotTranslatable):
        WAY.request({**REQUEST, "tenant": 7}, Traits(), False)


def test_each_half_of_the_way_back_knows_what_was_asked_of_it() -> None:
    way = Composition(Way(SAME.request, SAME.answer, Unchanged), Way(SAME.request, SAME.answer, Unchanged), {}).way
    assert way.answer({"a": 1}, ASKED) == {"a": 1, "asked": REQUEST}
    chat = Composition(responses_to_chat.WAY, SAME, {}).way
    answer = chat.answer({"choices": [{"message": {"content": "Hi"}}]}, ASKED)
    assert answer["asked"]["messages"] == [{"role": "user", "content": "Hi"}]


def test_the_end_of_the_first_stream_is_told_by_the_second() -> None:
    stream = Composition(responses_to_chat.WAY, SAME, {}).way.stream(ASKED)
    given = {"choices": [{"index": 0, "delta": {"content": "Hi"}, "finish_reason": "stop"}]}
    told = documents(stream.feed(b"data: " + orjson.dumps(given) + b"\n\n") + stream.finish())
    assert told[-1]["type"] == "response.completed"
    assert stream.next_sequence_number == len(told)


def test_a_failing_model_of_anthropics() -> None:
    stream = WAY.stream(ASKED)
    error = b'event: error\ndata: {"type":"error","error":{"type":"overloaded_error","message":"Busy"}}\n\n'
    failed, raised = documents(stream.feed(error) + stream.finish())[-2:]
    assert failed["response"]["error"] == {"code": "server_error", "message": "Busy"}
    assert raised["error"]["message"] == "Busy"
