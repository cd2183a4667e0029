from __future__ import annotations

import pytest

from gateway_ext.guard.detector import TooManyCandidates
from gateway_ext.guard.views.offsets import Part, View, Writer, parts_by_width, pieces_max

SOURCE = View("abc%41%42def")


def reading(*parts: Part) -> View:
    writer = Writer(SOURCE)
    writer.add(parts)
    return writer.view()


def test_the_text_itself_maps_to_itself() -> None:
    assert SOURCE.original(2, 5) == (2, 5)


@pytest.mark.parametrize(
    ("start", "end", "original"),
    [(0, 3, (0, 3)), (3, 4, (3, 6)), (4, 5, (6, 9)), (3, 5, (3, 9)), (2, 6, (2, 10)), (0, 8, (0, 12))],
)
def test_a_span_maps_to_all_it_was_read_from(start: int, end: int, original: tuple[int, int]) -> None:
    view = reading(Part("abc", 0, 3, 1, 1), Part("AB", 3, 9, 1, 3), Part("def", 9, 12, 1, 1))
    assert view.text == "abcABdef"
    assert view.original(start, end) == original


def test_units_of_several_characters_map_as_wholes() -> None:
    view = reading(Part("xyz123", 0, 8, 3, 4))
    assert view.original(1, 2) == (0, 4)
    assert view.original(2, 4) == (0, 8)


def test_a_reading_of_a_reading_maps_back_through_both() -> None:
    first = reading(Part("AB", 3, 9, 1, 3))
    second = Writer(first)
    second.add([Part("b", 1, 2, 1, 1)])
    assert second.view().original(0, 1) == (6, 9)
    assert second.view().depth == 2


def test_a_reading_is_as_compact_as_its_source_unless_told_otherwise() -> None:
    compact = Writer(SOURCE).view(is_compact=True)
    assert Writer(compact).view().is_compact
    assert not Writer(compact).view(is_compact=False).is_compact


def test_widths_that_are_equal_make_one_part() -> None:
    assert parts_by_width("abc", 4, 10) == [Part("abc", 10, 22, 1, 4)]
    assert parts_by_width("abc", [4, 4, 6], 10) == [Part("ab", 10, 18, 1, 4), Part("c", 18, 24, 1, 6)]


def test_widths_that_change_all_the_time_are_too_many() -> None:
    with pytest.raises(TooManyCandidates):
        parts_by_width("a" * 10_000, [1, 2] * 5_000, 0)


def test_a_reading_has_only_so_many_pieces() -> None:
    writer = Writer(SOURCE)
    with pytest.raises(TooManyCandidates):
        writer.add([Part("a", 0, 1, 1, 1)] * (pieces_max(SOURCE.text) + 1))
