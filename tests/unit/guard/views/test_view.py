from __future__ import annotations

import base64
from urllib.parse import quote

import pytest

from gateway_ext.guard.detector import TooManyCandidates
from gateway_ext.guard.views.view import DEPTH_MAX, has_views, views

KEY = "AKIAIOSFODNN7EXAMPLE"


def encoded(value: str) -> str:
    return base64.b64encode(value.encode()).decode()


def test_the_text_itself_comes_first() -> None:
    first, *_ = views(encoded(KEY))
    assert first.source is None
    assert first.original(3, 5) == (3, 5)


@pytest.mark.parametrize("text", ["", "hello world", "def f(x):\n    return x\n", "Grüße aus Köln", "\ud800"])
def test_plain_text_has_no_views(text: str) -> None:
    assert not has_views(text)
    assert [view.text for view in views(text)] == [text]


@pytest.mark.parametrize(
    "disguised",
    [
        encoded("\u200b".join(KEY)),
        "".join(f"%{byte:02X}" for byte in encoded(KEY).encode()),
        encoded(encoded(KEY)),
        encoded(" ".join(KEY)),
        quote("".join(f"&#{ord(c)};" for c in KEY)),
        "".join(chr(0xE0000 + ord(c)) for c in encoded(KEY)),
    ],
)
def test_disguises_inside_disguises_map_back(disguised: str) -> None:
    text = f"see ({disguised}), please"
    assert has_views(text)
    view = next(view for view in views(text) if KEY in view.text)
    start = view.text.index(KEY)
    assert view.original(start, start + len(KEY)) == (5, 5 + len(disguised))


def test_depth_is_bounded() -> None:
    value = KEY
    for _ in range(DEPTH_MAX + 1):
        value = encoded(value)
    assert max(view.depth for view in views(value)) == DEPTH_MAX
    assert not any(KEY in view.text for view in views(value))


def test_a_long_text_is_told_by_its_signs() -> None:
    prose = "The council met last night. " * 5_000
    assert not has_views(prose)
    assert has_views(prose + encoded(KEY))
    assert has_views(prose + "\u200b")


@pytest.mark.parametrize(
    "unit",
    [
        "a\u200b",
        "%41x",
        "1\u00a02\u00a0",
        "&#65;&#x41;",
        "4 1 1 1 1 1 1 1 1 1 x9 ",
        "\U000e0041" * 4 + "a",
        "ａé\u0301",
    ],
)
def test_hostile_text_is_refused_or_bounded(unit: str) -> None:
    text = unit * (400_000 // len(unit))
    assert has_views(text)
    pieces = 0
    try:
        for view in views(text):
            pieces += len(view.pieces)
    except TooManyCandidates:
        pass
    assert pieces < 100_000
