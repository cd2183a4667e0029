from __future__ import annotations

import re

import pytest

from gateway_ext.guard.personal.context import REACH_CHARACTERS, ContextWords, folded

WORDS = ContextWords("tel.|né le|τηλέφωνο|Führerschein|født den | mobil")


def is_before(text: str) -> bool:
    return WORDS.before(text, len(text))


@pytest.mark.parametrize(
    "text",
    [
        "Tel. ",
        "TEL: ",
        "Né le ",
        "ne le ",
        "NÉ  LE ",
        "né_le=",
        "τηλεφωνο ",
        "ΤΗΛΈΦΩΝΟ: ",
        "fuhrerscheinnummer ",
        "Kinderführerschein-Nr. ",
        "FØDT DEN ",
        "mobilnummer (ab 18) ",
    ],
)
def test_words_in_any_case_and_without_diacritics(text: str) -> None:
    assert is_before(text)
    assert any(pattern.search(text + "1") for pattern in WORDS.announcing(r"\d"))


@pytest.mark.parametrize(
    "text",
    ["tell ", "hotel ", "automobil ", "Tel.\n", "tel. 123 ", "né e le ", "nélé", "Tel. " + "x" * REACH_CHARACTERS],
)
def test_no_word_before(text: str) -> None:
    assert not is_before(text)


def test_a_word_is_whole_at_the_limit_of_reach() -> None:
    assert WORDS.before("ho tel: ", 8, reach=5)
    assert not WORDS.before("hotel: ", 7, reach=5)
    assert not WORDS.before("hotel: ", 7, reach=6)


def test_words_behind_the_position_do_not_count() -> None:
    assert not WORDS.before("12 Tel. ", 2)
    assert not WORDS.before("Tel. 12", 5, reach=0)


def test_patterns_are_ascii_and_stay_on_the_line() -> None:
    for pattern in WORDS.announcing(r"\d"):
        assert pattern.flags & re.ASCII
        assert not pattern.search("Tel. né le τηλέφωνο Führerschein født den mobil\n1")


@pytest.mark.parametrize(
    ("text", "plain"), [("Ærø, ŁÓDŹ!", "aero lodz "), ("Straße_1", "strasse "), ("Ως", "ωσ"), ("þú", "thu")]
)
def test_folding(text: str, plain: str) -> None:
    assert folded(text) == plain
