from __future__ import annotations

import pytest

from gateway_ext.guard.views.view import has_views, views

SECRET = "password is hunter22"
WIDE = "".join(chr(ord(c) + 0xFEE0) if c != " " else c for c in SECRET)


@pytest.mark.parametrize("value", [SECRET, "größer, schöner, " + SECRET, WIDE, "😀 " + SECRET])
@pytest.mark.parametrize("form", ["hex", "HEX", "spaced", "colons", "0x"])
def test_hexadecimal_digits_are_read_and_map_back(value: str, form: str) -> None:
    data = value.encode()
    disguised = {
        "hex": data.hex(),
        "HEX": data.hex().upper(),
        "spaced": data.hex(" "),
        "colons": data.hex(":"),
        "0x": ", ".join(f"0x{byte:02x}" for byte in data),
    }[form]
    text = f"see ({disguised}), please"
    (found,) = [view for view in views(text) if value in view.text]
    start = found.text.index(value)
    assert found.original(start, start + len(value)) == (7 if form == "0x" else 5, 5 + len(disguised))


def test_a_stretch_of_text_among_other_bytes_is_read() -> None:
    text = bytes(range(128, 170)).hex() + SECRET.encode().hex() + bytes(range(200, 242)).hex()
    assert any(SECRET in view.text for view in views(text))


def test_digits_that_begin_in_the_middle_of_a_byte_are_read() -> None:
    assert any(SECRET in view.text for view in views("a" + SECRET.encode().hex()))


@pytest.mark.parametrize(
    "text",
    [
        "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        "7c9e6679-7425-40de-944b-e07fc1f90ae7",
        "00:1b:44:11:3a:b7",
        "the 20 30 40 50 rule",
        "#ff8800 #112233",
    ],
)
def test_what_is_no_text_is_not_read(text: str) -> None:
    assert [view.text for view in views(text)] == [text]
    assert not has_views(text)
