from __future__ import annotations

import pytest

from gateway_ext.guard.views.view import View, views

KEY = "AKIAIOSF0DNN7"


def reading(text: str, value: str) -> View:
    return next(view for view in views(text) if value in view.text)


@pytest.mark.parametrize("separator", [" ", "  ", ".", "-", "_", ",", ", ", "/", "|", "*", ":", "\n", "\t", "·"])
def test_characters_apart_are_put_together_and_map_back(separator: str) -> None:
    disguised = separator.join(KEY)
    view = reading(f"see {disguised} please", KEY)
    start = view.text.index(KEY)
    assert view.original(start, start + len(KEY)) == (4, 4 + len(disguised))


def test_uneven_gaps() -> None:
    text = "see A  K I   A I O\nS F 0 D N N  7, please"
    view = reading(text, KEY)
    start = view.text.index(KEY)
    assert view.original(start, start + len(KEY)) == (4, text.index(","))


@pytest.mark.parametrize("text", ["4 1 1 1 1 1 1 1 1 1 1 1", "[4, 1, 1, 1, 1, 1, 1, 1, 1, 1]", "s 4-1-1-1-1-1-1-1-1-2"])
def test_digits_alone_are_read_compactly(text: str) -> None:
    _, *further = views(text)
    assert further
    assert all(view.is_compact for view in further)


@pytest.mark.parametrize(
    "text",
    [
        "a b c",
        "x = y + 1",
        "1 0 1 1 0 1 0 1 1 1 0 1",
        "---------------------",
        "| - | - | - |",
        "I, II, III, IV, V, VI, VII",
    ],
)
def test_ordinary_text_is_not_read(text: str) -> None:
    assert [view.text for view in views(text)] == [text]


def test_groups_between_no_break_spaces_are_put_together() -> None:
    text = "key AKIA\u00a0IOSF\u00a00DNN\u00a07EXA ends"
    view = reading(text, "AKIAIOSF0DNN7EXA")
    start = view.text.index("AKIA")
    assert view.original(start, start + 16) == (4, text.index(" ends"))
