from __future__ import annotations

import pytest

from gateway_ext.guard.views import escapes
from gateway_ext.guard.views.offsets import View
from gateway_ext.guard.views.view import views

FORMS = (
    "%41%4B%49%41",
    "%41KIA",
    r"\x41\x4b\x49\x41",
    r"\u0041\u004b\u0049\u0041",
    "%u0041%u004B%u0049%u0041",
    r"\U00000041\U0000004b\U00000049\U00000041",
    r"\u{41}\u{4b}\u{49}\u{41}",
    r"\101\113\111\101",
    "&#65;&#75;&#73;&#65;",
    "&#x41;&#x4B;&#x49;&#x41;",
    "=41=4B=49=41",
    "U+0041 U+004B U+0049 U+0041",
)


@pytest.mark.parametrize("form", FORMS)
def test_escapes_are_read_and_map_back(form: str) -> None:
    text = f"see ({form}), please"
    (found,) = [view for view in views(text) if "AKIA" in view.text]
    start = found.text.index("AKIA")
    assert found.original(start, start + 4) == (5, 5 + len(form))
    assert found.text == "see (AKIA), please"


@pytest.mark.parametrize(
    ("text", "reading"),
    [
        ("%C3%A9%C3%A8", "éè"),
        ("%E9%E8%E0", "éèà"),  # no UTF-8, so Latin-1
        (r"\ud83d\ude00\u0041", "😀A"),
        (r"\ud83d\u0041\u0042", "\ud83dAB"),
        ("a&commat;b", "a@b"),
        ("1&nbsp;2", "1\u00a02"),
        (r"\U00110000\U00000041\U00000042", "\ufffdAB"),
    ],
)
def test_what_escapes_stand_for(text: str, reading: str) -> None:
    assert reading in [view.text for view in escapes.read(View(text), [len(text) - 1])]


@pytest.mark.parametrize(
    "text", ["100%", "50% off, 20% more", r"C:\users\x", "a & b", "x=4", r"d\u00e9j\u00e0", "a%20b"]
)
def test_what_is_no_disguise_is_not_read(text: str) -> None:
    assert [view.text for view in views(text)] == [text]
