from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import pytest

from gateway_ext.guard.detector import TooManyCandidates
from gateway_ext.guard.views.offsets import View
from gateway_ext.guard.views.signs import Disguise


def positions(disguise: Disguise, text: str) -> list[int]:
    return [int(view.text) for view in disguise.read(View(text))]


def read(_: View, signs: Sequence[int]) -> Iterator[View]:
    yield from (View(str(position)) for position in signs)


def test_signs_are_given_where_they_end() -> None:
    disguise = Disguise(("b",), ([re.compile("ab", re.ASCII)], read))
    assert positions(disguise, "ab é ab") == [1, 6]


def test_signs_of_other_characters_are_given_in_code_points() -> None:
    disguise = Disguise((r"\xC3",), ([re.compile("é[a-z]", re.ASCII)], read), is_foreign=True)
    assert positions(disguise, "éé😀éa \ud800éb") == [4, 8]


def test_any_hint_will_do_but_of_a_tuple_all_are_needed() -> None:
    disguise = Disguise(("x", ("a", "b")), ([re.compile("a", re.ASCII)], read))
    assert [disguise.is_hinted_at(data) for data in (b"x", b"a", b"b", b"ba", b"")] == [True, False, False, True, False]


def test_whether_there_are_signs() -> None:
    disguise = Disguise(("a",), ([re.compile("aa", re.ASCII)], read))
    assert disguise.has_signs(View("a aa"))
    assert not disguise.has_signs(View("a a"))


def test_too_many_signs_are_refused_unless_tables_have_them() -> None:
    text = "a " * 20_000
    signs = [re.compile("a", re.ASCII)]
    with pytest.raises(TooManyCandidates):
        positions(Disguise(("a",), (signs, read)), text)
    assert len(positions(Disguise(("a",), (signs, read), is_in_tables=True), text)) == 20_000
