from __future__ import annotations

import pytest

from gateway_ext.guard.views.view import views

SECRET = "key AKIA1234"


def in_selectors(data: bytes) -> str:
    return "".join(chr(0xFE00 + byte if byte < 16 else 0xE0100 + byte - 16) for byte in data)


@pytest.mark.parametrize("hidden", ["".join(chr(0xE0000 + ord(c)) for c in SECRET), in_selectors(SECRET.encode())])
def test_what_nobody_sees_is_read_and_maps_back(hidden: str) -> None:
    text = f"hello{hidden} world"
    view = next(view for view in views(text) if SECRET in view.text)
    start = view.text.index(SECRET)
    assert view.original(start, start + len(SECRET)) == (5, 5 + len(hidden))


def test_selectors_of_emoji_say_nothing() -> None:
    assert {view.text for view in views("❤\ufe0f☀\ufe0f")} == {"❤\ufe0f☀\ufe0f", "❤☀"}
