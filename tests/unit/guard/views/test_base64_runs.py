from __future__ import annotations

import base64

import pytest

from gateway_ext.guard.detector import TooManyCandidates
from gateway_ext.guard.views import base64_runs
from gateway_ext.guard.views.offsets import View
from gateway_ext.guard.views.view import has_views, views

SECRET = "password is hunter22"
WIDE = "".join(chr(ord(c) + 0xFEE0) if c != " " else c for c in SECRET)


def encoded(value: str) -> str:
    return base64.b64encode(value.encode()).decode()


@pytest.mark.parametrize("value", [SECRET, "größer, schöner, " + SECRET, WIDE, "😀 " + SECRET])
@pytest.mark.parametrize("form", ["base64", "urlsafe", "unpadded"])
def test_base64_is_read_and_maps_back(value: str, form: str) -> None:
    data = value.encode()
    disguised = {
        "base64": encoded(value),
        "urlsafe": base64.urlsafe_b64encode(data).decode(),
        "unpadded": encoded(value).rstrip("="),
    }[form]
    text = f"see ({disguised}), please"
    (found,) = [view for view in views(text) if value in view.text]
    start = found.text.index(value)
    assert found.original(start, start + len(value)) == (5, 5 + len(disguised))


def test_a_character_in_base64_maps_to_the_quanta_it_lies_in() -> None:
    source = View(encoded("aé" + SECRET))
    (view,) = base64_runs.read(source, [3])
    assert view.original(0, 1) == (0, 4)
    assert view.original(1, 2) == (0, 4)
    assert view.original(2, 3) == (4, 8)


def test_a_stretch_of_text_among_other_bytes_is_read() -> None:
    text = base64.b64encode(bytes(range(128, 170)) + SECRET.encode() + bytes(range(200, 242))).decode()
    assert any("is hunter" in view.text for view in views(text))


@pytest.mark.parametrize(
    "text",
    [
        "iVBORw0KGgoAAAANSUhEUgAAAAUAAAAFCAYAAACNbyblAAAAHElEQVQI12P4",
        "convertAllStringsToUpperCase(listOfStrings)",
    ],
)
def test_what_is_no_text_is_not_read(text: str) -> None:
    assert [view.text for view in views(text)] == [text]
    assert not has_views(text)


def test_a_map_of_offsets_that_would_fill_the_memory_is_refused() -> None:
    with pytest.raises(TooManyCandidates):
        list(base64_runs.read(View(encoded("é1" * 10_000)), [100]))
