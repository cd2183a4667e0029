from __future__ import annotations

import pytest

from gateway_ext.guard.passages import BLOCK, REACH, SNAP, passage_at


def test_a_passage_is_a_line() -> None:
    text = "one\ntwo\n\nthree"
    assert [passage_at(text, position) for position in (0, 2, 3, 4, 8, 13)] == [
        (0, 3),
        (0, 3),
        (0, 3),
        (4, 7),
        (8, 8),
        (9, 14),
    ]


@pytest.mark.parametrize("word", ["x", "lorem "])
def test_a_long_line_is_cut_at_white_space_and_bounded(word: str) -> None:
    text = (word * 9000)[:9000]
    for position in range(0, len(text), 7):
        start, end = passage_at(text, position)
        assert start <= max(0, position - REACH)
        assert end >= min(len(text), position + REACH)
        assert end - start <= BLOCK + 2 * (REACH + SNAP)
        if word != "x":
            assert start == 0 or text[start - 1] == " "
            assert end == len(text) or text[end] == " "
