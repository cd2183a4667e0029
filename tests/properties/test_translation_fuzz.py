"""Whatever a caller or a provider sends: a translation, or the one refusal that is meant for it. Never a fault."""

from __future__ import annotations

import copy
from contextlib import suppress
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway_ext.dialects.answers import AnswerMalformed
from gateway_ext.dialects.sse import StreamMalformed
from gateway_ext.dialects.translation.contract import Asked
from gateway_ext.dialects.translation.translate import Translation, can_translate, translate_request
from gateway_ext.errors import NotTranslatable
from gateway_ext.exchange import Endpoint

GOLDEN = Path(__file__).parents[1] / "unit" / "dialects" / "translation" / "golden"
FORMATS = (Endpoint.CHAT_COMPLETIONS, Endpoint.MESSAGES, Endpoint.RESPONSES)
WAYS = [
    (source, target)
    for source in FORMATS
    for target in FORMATS
    if source is not target and can_translate(source, target)
]
REQUESTS = [orjson.loads(path.read_bytes()) for path in sorted(GOLDEN.rglob("requests/*.json"))]
ANSWERS = [orjson.loads(path.read_bytes()) for path in sorted(GOLDEN.rglob("answers/*.json"))]
STREAMS = {
    endpoint: [path.read_bytes() for path in sorted(GOLDEN.glob(f"streams/*_from_{name}_*.given.sse"))]
    for endpoint, name in [(Endpoint.CHAT_COMPLETIONS, "chat"), (Endpoint.MESSAGES, "messages")]
}

few = settings(max_examples=60, deadline=None)
words = st.sampled_from(["", "text", "tool_use", "tool_result", "function", "auto", "§"])
junk = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.floats(-2, 2) | words,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(words, inner, max_size=2),
    max_leaves=4,
)


@st.composite
def damaged(draw: st.DrawFn, documents: list[Any]) -> Any:
    """One of them with some values replaced, removed or added, anywhere."""
    document = copy.deepcopy(draw(st.sampled_from(documents)))
    for _ in range(draw(st.integers(1, 3))):
        container = draw(st.sampled_from(list(_containers(document))))
        keys: list[Any] = list(container) if isinstance(container, dict) else [*range(len(container))]
        if keys and draw(st.sampled_from([True, True, True, False])):
            key = draw(st.sampled_from(keys))
            if draw(st.booleans()):
                container[key] = draw(junk)
            else:
                del container[key]
        elif isinstance(container, dict):
            container[draw(words)] = draw(junk)
        else:
            container.append(draw(junk))
    return document


def _containers(document: Any) -> list[Any]:
    found, pending = [], [document]
    while pending:
        value = pending.pop()
        if isinstance(value, dict | list):
            found.append(value)
            pending += value.values() if isinstance(value, dict) else value
    return found


@pytest.mark.parametrize("way", WAYS, ids=str)
@pytest.mark.parametrize("keeps_unknown", [False, True])
@few
@given(data=st.data())
def test_a_request_is_translated_or_refused(
    way: tuple[Endpoint, Endpoint], keeps_unknown: bool, data: st.DataObject
) -> None:
    document = data.draw(damaged([case["given"] for case in REQUESTS if case["source"] == way[0]]))
    with suppress(NotTranslatable):
        translated, _ = translate_request(
            {"model": "m", **document}, *way, keeps_unknown=keeps_unknown, asked_at_seconds=7
        )
        orjson.dumps(translated)


@pytest.mark.parametrize("way", WAYS, ids=str)
@few
@given(data=st.data())
def test_an_answer_is_translated_or_withheld(way: tuple[Endpoint, Endpoint], data: st.DataObject) -> None:
    source, target = way
    case = data.draw(st.sampled_from([case for case in ANSWERS if case["source"] == source]))
    answer = data.draw(damaged([case["given"]]))
    translation = Translation(source, target, Asked(case["asked"], 7))
    with suppress(AnswerMalformed):
        orjson.loads(translation.answer(orjson.dumps(answer), 200))
    orjson.loads(translation.answer(orjson.dumps(answer), 500))


@pytest.mark.parametrize("way", WAYS, ids=str)
@few
@given(data=st.data())
def test_a_stream_is_translated_or_ended(way: tuple[Endpoint, Endpoint], data: st.DataObject) -> None:
    source, target = way
    asked = next(case["asked"] for case in ANSWERS if case["source"] == source)
    stream = Translation(source, target, Asked(asked, 7)).stream()
    blocks = data.draw(st.sampled_from(STREAMS[target])).split(b"\n\n")
    documents = [orjson.loads(block.split(b"data: ")[1]) for block in blocks if b"data: {" in block]
    events = data.draw(damaged([documents]))
    with suppress(StreamMalformed):
        for event in events:
            stream.feed(b"data: " + orjson.dumps(event) + b"\n\n")
        stream.finish()
