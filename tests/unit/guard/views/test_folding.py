from __future__ import annotations

import unicodedata

import pytest

from gateway_ext.guard.detector import TooManyCandidates
from gateway_ext.guard.views.folding import INVISIBLE, folded, is_common, is_folded
from gateway_ext.guard.views.offsets import View
from gateway_ext.guard.views.view import DISGUISES


@pytest.mark.parametrize(
    ("text", "reading"),
    [
        ("ＡＫＩＡ１２", "AKIA12"),
        ("𝐀𝟏", "A1"),
        ("a\u200bb\u00adc\ufeffd", "abcd"),
        ("4111\u00a01111", "4111 1111"),
        ("ab\u2028cd\u0085ef", "abcdef"),
        ("ﬁn①", "fin1"),
        ("e\u0301", "é"),
    ],
)
def test_folding(text: str, reading: str) -> None:
    assert folded(View(text)).text == reading
    assert not is_folded(text, text.encode())
    assert is_folded(reading, reading.encode())


def test_characters_map_back_one_by_one() -> None:
    view = folded(View("x\u200bﬁ\u00ady"))
    assert view.text == "xfiy"
    assert [view.original(n, n + 1) for n in range(4)] == [(0, 1), (2, 3), (2, 3), (4, 5)]


def test_folding_adds_no_depth() -> None:
    assert folded(View("ﬁ")).depth == 0


@pytest.mark.parametrize("text", ["\u200b" * 100_000, "e\u0301" * 50_000])
def test_a_map_of_offsets_that_would_fill_the_memory_is_refused(text: str) -> None:
    with pytest.raises(TooManyCandidates):
        folded(View(text))


def test_common_characters_stay_as_they_are_and_hide_nothing() -> None:
    for code in range(0x80, 0x110000):
        if 0xD800 <= code < 0xE000:
            continue
        character = chr(code)
        if is_common(character, character.encode()):
            assert unicodedata.is_normalized("NFKC", character)
            assert not unicodedata.combining(character)
            assert not INVISIBLE.match(character)
            between = f"a{character}b 1{character}2 {character}"
            assert not any(one.is_foreign and one.is_hinted_at(between.encode()) for one in DISGUISES)
