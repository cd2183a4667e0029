"""Whole requests, answers and streams of the Responses API as it documents them, each written down in full."""

from pathlib import Path
from typing import Any

import orjson
import pytest
from openai.types.responses import Response, ResponseStreamEvent
from pydantic import TypeAdapter

from gateway_ext.dialects.translation.contract import StreamTranslator
from gateway_ext.dialects.translation.translate import Translation, can_translate, translate_request
from gateway_ext.exchange import Endpoint
from tests.unit.dialects.clients import documents
from tests.unit.dialects.translation.official_models import check_request

GOLDEN = Path(__file__).with_name("golden") / "responses"
ASKED_AT_SECONDS = 1_700_000_000
EVENT: TypeAdapter[Any] = TypeAdapter(ResponseStreamEvent)
TARGETS = {"chat": Endpoint.CHAT_COMPLETIONS, "messages": Endpoint.MESSAGES}
STREAMS = sorted(path.name.removesuffix(".given.sse") for path in GOLDEN.glob("streams/*.given.sse"))


def cases(kind: str) -> list[Any]:
    return [pytest.param(orjson.loads(path.read_bytes()), id=path.stem) for path in sorted((GOLDEN / kind).iterdir())]


def translation(target: Endpoint, asked: dict[str, Any]) -> Translation:
    return translate_request(asked, Endpoint.RESPONSES, target, keeps_unknown=False, asked_at_seconds=ASKED_AT_SECONDS)[
        1
    ]


def stream_of(name: str) -> tuple[StreamTranslator, bytes]:
    """A translator, and what to feed it."""
    asked = orjson.loads((GOLDEN / "streams" / f"{name}.asked.json").read_bytes())
    given = (GOLDEN / "streams" / f"{name}.given.sse").read_bytes()
    return translation(TARGETS[name.split("_")[1]], asked).stream(), given


@pytest.mark.parametrize("case", cases("requests"))
def test_requests(case: dict[str, Any]) -> None:
    target = Endpoint(case["target"])
    translated, _ = translate_request(
        case["given"], Endpoint.RESPONSES, target, keeps_unknown=False, asked_at_seconds=ASKED_AT_SECONDS
    )
    assert translated == case["becomes"]
    check_request(target, translated)


@pytest.mark.parametrize("case", cases("answers"))
def test_answers(case: dict[str, Any]) -> None:
    answer = translation(Endpoint(case["target"]), case["asked"]).answer(orjson.dumps(case["given"]), 200)
    assert orjson.loads(answer) == case["becomes"]
    Response.model_validate_json(answer)


@pytest.mark.parametrize("name", STREAMS)
def test_streams(name: str) -> None:
    stream, given = stream_of(name)
    translated = documents(stream.feed(given) + stream.finish())
    becomes = documents((GOLDEN / "streams" / f"{name}.becomes.sse").read_bytes())
    assert translated == becomes
    assert stream.next_sequence_number == len(becomes)
    for event in translated:
        EVENT.validate_python(event)


@pytest.mark.parametrize("name", STREAMS)
def test_events_are_named_by_their_type(name: str) -> None:
    stream, given = stream_of(name)
    out = stream.feed(given) + stream.finish()
    assert [b"event: " + event["type"].encode() for event in documents(out)] == out.splitlines()[::3]


@pytest.mark.parametrize("name", STREAMS)
def test_streams_cut_anywhere(name: str) -> None:
    whole, given = stream_of(name)
    expected = whole.feed(given) + whole.finish()
    for size in (1, 7, 100):
        stream, _ = stream_of(name)
        out = b"".join(stream.feed(given[at : at + size]) for at in range(0, len(given), size))
        assert out + stream.finish() == expected


def test_where_requests_can_go() -> None:
    assert can_translate(Endpoint.RESPONSES, Endpoint.CHAT_COMPLETIONS)
    assert can_translate(Endpoint.RESPONSES, Endpoint.MESSAGES)
    assert not can_translate(Endpoint.CHAT_COMPLETIONS, Endpoint.RESPONSES)
    assert not can_translate(Endpoint.MESSAGES, Endpoint.RESPONSES)
