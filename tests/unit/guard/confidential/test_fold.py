from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway_ext.guard.confidential.fold import folded, letters


@given(st.text(alphabet=st.characters(), max_size=60))
def test_one_byte_and_one_letter_for_each_code_point(text: str) -> None:
    assert len(folded(text)) == len(letters(text)) == len(text)


@given(st.text(alphabet=st.characters(max_codepoint=0xFFFF), max_size=60))
def test_bytes_are_those_of_the_letters(text: str) -> None:
    assert folded(text) == folded(letters(text))


@pytest.mark.parametrize(
    ("text", "reading"),
    [
        ("Förderbänder", b"forderbander"),
        ("Łódź İstanbul ØRE", b"lodz istanbul ore"),
        ("A-1_b\n\t", b"a 1 b  "),
        ("x\U0001f600y", b"x y"),
        ("\ud800", b"\x80"[:0] + b" "),
    ],
)
def test_case_and_diacritics_are_off(text: str, reading: bytes) -> None:
    assert folded(text) == reading


def test_a_long_text_is_folded_piece_by_piece_to_the_same() -> None:
    text = "Größe, Αθήνα; Восток. " * 10_000
    assert folded(text) == folded("Größe, Αθήνα; Восток. ") * 10_000


def test_other_scripts_keep_their_letters_apart() -> None:
    assert len(set(folded("абвгдежзиклмнопрстуфхцчшщъьюя"))) == 29
    assert letters("ΑΘΉΝΑΣ") == letters("αθηνας")
    assert folded("ΑΘΉΝΑΣ") == folded("αθηνας")


def test_decomposed_letters_stand_beside_their_mark() -> None:
    assert folded(unicodedata.normalize("NFD", "é")) == b"e "
