from __future__ import annotations

import pytest

from gateway_ext.guard.views.offsets import PARTING
from gateway_ext.guard.views.view import View, views

KEY = "AKIAIOSFODNN7EXAMPLE"


def reading(text: str, value: str) -> View:
    return next(view for view in views(text) if value in view.text)


@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r", "\n    ", "\n> ", " \n", "\\\n", "\n\n"])
@pytest.mark.parametrize("place", [1, 4, 10, 19])
def test_a_key_in_two_is_put_together_and_maps_back(ending: str, place: int) -> None:
    disguised = KEY[:place] + ending + KEY[place:]
    view = reading(f"see {disguised} please", KEY)
    start = view.text.index(KEY)
    assert view.is_compact
    assert view.original(start, start + len(KEY)) == (4, 4 + len(disguised))


def test_lines_that_are_parts_of_one_key_are_put_together() -> None:
    token = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0"
    assert reading("eyJhbGciOiJI\nUzI1NiJ9.eyJ\nzdWIiOiIxIn0\n", token).text == token + PARTING


def test_a_number_is_read_with_a_space_and_without() -> None:
    readings = {view.text for view in views("call +33 6 12\n34 56 78 today")}
    assert {"+33 6 12 34 56 78" + PARTING, "+33 6 1234 56 78" + PARTING} <= readings


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("to jeanne.dupont@exam\nple.fr now", "jeanne.dupont@example.fr"),
        ("to jeanne.du\npont@example.fr now", "jeanne.dupont@example.fr"),
        ("to jeanne.dupont\n@example.fr now", "jeanne.dupont@example.fr"),
    ],
)
def test_an_address_in_two(text: str, address: str) -> None:
    view = reading(text, address)
    assert not view.is_compact


@pytest.mark.parametrize(
    "text",
    [
        "It ended in 2020\nThe rest is history",
        "Jeanne Dupont\njeanne.dupont@example.fr",
        "import fastapi\n\n\n@app.get('/')",
        "2024-01-02 12345678\n2024-01-03 12345679",
        "total_1\ntotal_2",
        "item1234567\nitem1234568",
        "first line\nsecond line",
    ],
)
def test_ordinary_lines_are_not_put_together(text: str) -> None:
    assert [view.text for view in views(text)] == [text]


def test_of_a_table_only_the_first_rows_are_read() -> None:
    table = "\n".join(f"{n},{n * 7919}" for n in range(10_000, 30_000))
    _, *further = views(table)
    assert max(len(view.pieces) for view in further) < 1_000


def test_a_key_behind_a_table_is_found() -> None:
    table = "\n".join(f"{n},{n * 7919}" for n in range(10_000, 12_000))
    text = f"{table}\n\n{'word ' * 40}\nkey AKIAIOSF\nODNN7EXAMPLE"
    assert any(KEY in view.text for view in views(text))
