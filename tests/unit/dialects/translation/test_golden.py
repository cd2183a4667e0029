"""Whole requests, answers, errors and streams as both dialects document them, each written down in full."""

from pathlib import Path
from typing import Any

import orjson
import pytest

from gateway_ext.dialects.sse import SseParser
from gateway_ext.dialects.translation.contract import Asked
from gateway_ext.dialects.translation.translate import Translation, can_translate, translate_request
from gateway_ext.exchange import Endpoint
from tests.unit.dialects.translation.official_models import check_answer, check_event, check_request

GOLDEN = Path(__file__).with_name("golden")
ENDPOINTS = {"chat": Endpoint.CHAT_COMPLETIONS, "messages": Endpoint.MESSAGES}
ASKED_AT_SECONDS = 1_700_000_000


def cases(kind: str) -> list[Any]:
    return [
        pytest.param(orjson.loads(path.read_bytes()), id=path.stem) for path in sorted((GOLDEN / kind).glob("*.json"))
    ]


def way_back(source: str, target: str, asked: dict[str, Any]) -> Translation:
    return Translation(Endpoint(source), Endpoint(target), Asked(asked, ASKED_AT_SECONDS))


@pytest.mark.parametrize("case", cases("requests"))
def test_requests(case: dict[str, Any]) -> None:
    source, target = Endpoint(case["source"]), Endpoint(case["target"])
    check_request(source, case["given"])
    translated, _ = translate_request(
        case["given"], source, target, keeps_unknown=False, asked_at_seconds=ASKED_AT_SECONDS
    )
    assert translated == case["becomes"]
    check_request(target, translated)


@pytest.mark.parametrize("case", cases("answers"))
def test_answers(case: dict[str, Any]) -> None:
    back = way_back(case["source"], case["target"], case["asked"])
    answer = orjson.loads(back.answer(orjson.dumps(case["given"]), 200))
    assert answer == case["becomes"]
    check_answer(Endpoint(case["source"]), answer)


@pytest.mark.parametrize("case", orjson.loads((GOLDEN / "errors" / "errors.json").read_bytes()))
def test_errors(case: dict[str, Any]) -> None:
    target = Endpoint.MESSAGES if case["source"] == Endpoint.CHAT_COMPLETIONS else Endpoint.CHAT_COMPLETIONS
    back = way_back(case["source"], target, {"model": "m"})
    error = orjson.loads(back.answer(orjson.dumps(case["given"]), case["status"]))
    assert error == case["becomes"]
    check_event(Endpoint(case["source"]), error)


@pytest.mark.parametrize(
    "name", sorted(path.name.removesuffix(".given.sse") for path in GOLDEN.glob("streams/*.given.sse"))
)
def test_streams(name: str) -> None:
    given, becomes = ((GOLDEN / "streams" / f"{name}.{which}.sse").read_bytes() for which in ("given", "becomes"))
    asked = orjson.loads((GOLDEN / "streams" / f"{name}.asked.json").read_bytes())
    caller, _, provider, _ = name.split("_")
    source, target = ENDPOINTS[caller], ENDPOINTS[provider]
    stream = way_back(source, target, asked).stream()
    out = stream.feed(given) + stream.finish()
    assert events(out) == events(becomes)
    for _, document in events(out):
        if isinstance(document, dict):
            check_event(source, document)


def events(stream: bytes) -> list[tuple[str, Any]]:
    parser = SseParser()
    read = parser.feed(stream)
    assert parser.finish() == b""
    return [(event.event, "end" if event.data == b"[DONE]" else orjson.loads(event.data)) for event in read]


def test_what_can_be_translated() -> None:
    assert can_translate(Endpoint.CHAT_COMPLETIONS, Endpoint.MESSAGES)
    assert can_translate(Endpoint.MESSAGES, Endpoint.CHAT_COMPLETIONS)
    assert can_translate(Endpoint.EMBEDDINGS, Endpoint.EMBEDDINGS)
    assert not can_translate(Endpoint.EMBEDDINGS, Endpoint.MESSAGES)
    assert not can_translate(Endpoint.COMPLETIONS, Endpoint.CHAT_COMPLETIONS)


def test_within_one_wire_format_nothing_changes() -> None:
    given = {"model": "m", "messages": [], "whatever": 1}
    endpoint = Endpoint.CHAT_COMPLETIONS
    same, back = translate_request(given, endpoint, endpoint, keeps_unknown=False, asked_at_seconds=0)
    stream = back.stream()
    assert same == given
    assert back.answer(b"{ }", 200) == b"{ }"
    assert stream.feed(b"data: x\n\n") + stream.finish() == b"data: x\n\n"
