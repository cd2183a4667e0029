"""Passports, driving licences, plates and insurance cards: numbers that count only with the word for them."""

from __future__ import annotations

import pytest

from gateway_ext.guard.personal.driving_licence import DrivingLicenceRecognizer
from gateway_ext.guard.personal.german_kvnr import GermanInsuranceRecognizer, check_digit
from gateway_ext.guard.personal.health_card import HealthCardRecognizer
from gateway_ext.guard.personal.licence_plate import LicencePlateRecognizer
from gateway_ext.guard.personal.passport import PassportRecognizer
from gateway_ext.guard.personal.recognizer import GuardRecognizer

PASSPORT, LICENCE, PLATE = PassportRecognizer(), DrivingLicenceRecognizer(), LicencePlateRecognizer()
INSURANCE, CARD = GermanInsuranceRecognizer(), HealthCardRecognizer()


def values(recognizer: GuardRecognizer, text: str) -> set[str]:
    return {text[start:end] for start, end, _ in recognizer.candidates(text)}


@pytest.mark.parametrize(
    ("recognizer", "word", "value"),
    [
        (PASSPORT, "Reisepass-Nr.: ", "C01X00T47"),
        (PASSPORT, "numéro de passeport ", "12AB34567"),
        (PASSPORT, "passport_number = ", "123456789"),
        (PASSPORT, "паспорт № ", "123456789"),
        (LICENCE, "driving licence ", "MORGA657054SM9IJ"),
        (LICENCE, "Führerschein ", "B072RRE2I55"),
        (LICENCE, "prawo jazdy ", "12345/06/7890"),
        (PLATE, "Kennzeichen ", "B-MW 1234"),
        (PLATE, "immatriculée ", "AB-123-CD"),
        (PLATE, "matrícula ", "1234 BCD"),
        (PLATE, "рег. номер ", "СА 1234 ВК"),
        (PLATE, "number plate ", "AB12 CDE"),
        (INSURANCE, "Versichertennummer ", "A123456780"),
        (INSURANCE, "KVNR: ", "a123456780"),
    ],
)
def test_a_value_needs_its_word(recognizer: GuardRecognizer, word: str, value: str) -> None:
    assert values(recognizer, f"x {word}{value}, y") == {value}
    assert any(pattern.search(f"x {word}{value}") for pattern in recognizer.PATTERNS)
    assert values(recognizer, f"order {value}, y") == set()


@pytest.mark.parametrize(
    ("recognizer", "text"),
    [
        (PASSPORT, "the password is AB1234567"),
        (PASSPORT, "passport valid until 01.02.2030"),
        (PASSPORT, "Reisepass AbCdEf1234"),
        (LICENCE, "Führerschein seit 01.02.2003"),
        (LICENCE, "driving licence costs 50 euros"),
        (PLATE, "the licence plate is missing since 2009"),
        (PLATE, "Kennzeichen D"),
        (INSURANCE, "Versichertennummer A123456781"),
        (CARD, "80999000011234567890"),
        (CARD, "80276000011234567890123"),
    ],
)
def test_near_misses(recognizer: GuardRecognizer, text: str) -> None:
    assert values(recognizer, text) == set()


def test_a_health_card_is_surer_with_its_word() -> None:
    alone, named = "80276000011234567890", "EHIC 80 276 00001 12345 67890"
    assert [confidence for *_, confidence in CARD.candidates(alone)] == [0.6]
    assert [confidence for *_, confidence in CARD.candidates(named)] == [0.95]
    assert values(CARD, "8027 6000 0112 3456 7890") == {"8027 6000 0112 3456 7890"}
    assert CARD.normalized(named.removeprefix("EHIC ")) == alone


@pytest.mark.parametrize(("number", "digit"), [("A12345678", 0), ("A00050001", 5), ("M00000000", 7)])
def test_the_check_digit_of_an_insurance_number(number: str, digit: int) -> None:
    assert check_digit(number) == digit


@pytest.mark.parametrize("place", range(1, 9))
def test_every_wrong_digit_of_an_insurance_number_is_noticed(place: int) -> None:
    number = "A12345678"
    others = {number[:place] + digit + number[place + 1 :] for digit in "0123456789"} - {number}
    assert {check_digit(other) for other in others} == set(range(1, 10))


def test_normal_forms() -> None:
    assert PASSPORT.normalized("ab 1234567") == "AB1234567"
    assert LICENCE.normalized("12345/06/7890") == "12345067890"
    assert PLATE.normalized("b-mw 1234") == "BMW1234"
