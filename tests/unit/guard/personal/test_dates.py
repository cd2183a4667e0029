from __future__ import annotations

import pytest

from gateway_ext.guard.personal.date_of_birth import BirthDateRecognizer
from gateway_ext.guard.personal.dates import dates

BIRTH = BirthDateRecognizer()


@pytest.mark.parametrize(
    ("text", "iso"),
    [
        ("1980-02-03", "1980-02-03"),
        ("03.02.1980", "1980-02-03"),
        ("3. 2. 1980", "1980-02-03"),
        ("03/02/1980", "1980-02-03"),
        ("02/23/1980", "1980-02-23"),
        ("3.2.80", "80-02-03"),
        ("3rd of February 1980", "1980-02-03"),
        ("February 3, 1980", "1980-02-03"),
        ("3. Jänner 1980", "1980-01-03"),
        ("1er août 1980", "1980-08-01"),
        ("3 de marzo de 1980", "1980-03-03"),
        ("3 giugno 1980", "1980-06-03"),
        ("3 lipca 1980", "1980-07-03"),
        ("3 czerwca 1980", "1980-06-03"),
        ("3. července 1980", "1980-07-03"),
        ("3. června 1980", "1980-06-03"),
        ("3. srpna 1980", "1980-08-03"),
        ("3. srpnja 1980", "1980-07-03"),
        ("1980. szeptember 3", "1980-09-03"),
        ("1980 m. liepos 3", "1980-07-03"),
        ("1980. gada 3. maijs", "1980-05-03"),
        ("3 Μαΐου 1980", "1980-05-03"),
        ("3 май 1980", "1980-05-03"),
        ("3. heinäkuuta 1980", "1980-07-03"),
        ("3 Meán Fómhair 1980", "1980-09-03"),
        ("3 ta' Ġunju 1980", "1980-06-03"),
        ("3. ágúst 1980", "1980-08-03"),
    ],
)
def test_forms(text: str, iso: str) -> None:
    assert list(dates(f"({text})")) == [(1, 1 + len(text), iso)]


@pytest.mark.parametrize(
    "text",
    ["31.02.1980", "1980-13-01", "1.2.3.4", "13/13/1980", "3 apples 1980", "2026-03-02-10", "v3.2.1980", "3,2,80"],
)
def test_no_dates(text: str) -> None:
    assert list(dates(text)) == []


def born(text: str) -> set[str]:
    return {text[start:end] for start, end, _ in BIRTH.candidates(text)}


@pytest.mark.parametrize(
    "text", ["geb. 03.02.1980", '"date_of_birth": "1980-02-03"', "Née à Lyon le 3 mai 1980", "ur. 3.2.80"]
)
def test_a_word_for_birth_makes_a_date_one_of_birth(text: str) -> None:
    assert len(born(text)) == 1


@pytest.mark.parametrize(
    "text", ["gebaut am 03.02.1980", "paid on 1980-02-03", "Bach was born on 21 March 1685", "né le 40.02.1980"]
)
def test_other_dates(text: str) -> None:
    assert born(text) == set()


def test_equal_dates_have_one_normal_form() -> None:
    assert BIRTH.normalized("3.2.1980") == BIRTH.normalized("1980-02-03") == BIRTH.normalized("3 février 1980")
