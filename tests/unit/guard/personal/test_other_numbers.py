"""Numbers that are printed like one of another kind: told apart by what they are called, or by what they begin with."""

from __future__ import annotations

import pytest

from gateway_ext.guard.detector import Detector
from gateway_ext.guard.passages import passage_at
from gateway_ext.guard.personal.detectors import detectors
from gateway_ext.guard.personal.other_numbers import is_another_number

DETECTORS = {detector.name: detector for detector in detectors()}


def found(name: str, text: str) -> set[str]:
    """What the detector confirms in the passages its patterns have a match in."""
    detector: Detector = DETECTORS[name]
    passages = {passage_at(text, match.end() - 1) for pattern in detector.patterns for match in pattern.finditer(text)}
    return {text[span.start : span.end] for passage in passages for span in detector.confirm(text, *passage)}


@pytest.mark.parametrize(
    "text",
    [
        "Steuer-Nr. 09 538/2321",
        "numéro fiscal 09 89 561 299 090",
        "burger service nummer 090 489 263",
        "TAJ szám 094 349 379",
        "personas koda 071264-16979",
        "sotu 020210-4555",  # not called anything known, but it begins with a date
        "konto IE13 KXNK 0146 6472 1774 86",
        "førerkortnummer 07 89 499260 5",
    ],
)
def test_a_number_called_something_else_is_no_phone(text: str) -> None:
    assert found("phone", text) == set()


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("doplňte do spisu: 00421912749625.", "00421912749625"),  # spis is no SPI
        ("a cuid sonraí (00353 85 010 8051)", "00353 85 010 8051"),  # cuid is no CUI
        ("Rufen Sie an: 030 1234567", "030 1234567"),
        ("Steuer-ID fehlt, Tel. 030 1234567", "030 1234567"),
        ("IdNr. und +49 30 1234567", "+49 30 1234567"),
        ("telefoonnummer 0455-69-45-41", "0455-69-45-41"),
        ("Mobilnummer: 0497-51-62-48", "0497-51-62-48"),
        ("Uimhir theileafóin: 086-917-2846", "086-917-2846"),
        ("à ajouter au dossier : mon portable est le 27 80 57 70", "27 80 57 70"),
    ],
)
def test_numbers_of_phones_are_still_found(text: str, number: str) -> None:
    assert found("phone", text) == {number}


def test_a_date_behind_which_no_serial_stands_begins_no_identifier() -> None:
    assert is_another_number("020210-4555", 0)
    assert not is_another_number("029910-4555", 0)
    assert not is_another_number("020210-45", 0)


@pytest.mark.parametrize(
    ("detector", "text", "value"),
    [
        ("bg_lnch", "личен номер 6433047650", "6433047650"),
        ("cz_sk_rodne_cislo", "rodné č. 8255056250", "8255056250"),
        ("date_of_birth", "fecha de nac. 1976-04-05", "1976-04-05"),
        ("date_of_birth", "data de nasc.: 12/07/1974", "12/07/1974"),
        ("date_of_birth", "DOB: 12/07/1974", "12/07/1974"),
        ("es_nif", "D.N.I. 13792087E", "13792087E"),
        ("fr_spi", "n° fiscal 3147435377373", "3147435377373"),
        ("gb_nino", "N.I. number PY665526C", "PY665526C"),
        ("hu_szemelyi_szam", "szem. szám 19601158194", "19601158194"),
        ("licence_plate", "bilskilt AK 91136", "AK 91136"),
        ("lt_asmens_kodas", "asm. kodas 48108068233", "48108068233"),
        ("passport", "αριθμός διαβατηρίου XZ6545815", "XZ6545815"),
        ("passport", "passin nro VY1088896", "VY1088896"),
        ("passport", "pas uimhir E1255899", "E1255899"),
        ("pt_nif", "N.I.F. 286 559 293", "286 559 293"),
        ("se_personnummer", "pers.nr 7004139718", "7004139718"),
    ],
)
def test_words_in_other_cases_and_abbreviations_announce_a_value(detector: str, text: str, value: str) -> None:
    assert found(detector, text) == {value}


@pytest.mark.parametrize(
    ("detector", "text"),
    [
        ("date_of_birth", "Dobrý den, schůzka je 9.9.1999"),  # no DOB
        ("de_steuernummer", "Teilenummer 4036048155156. Bitte prüfen Sie die Steuer-Nr."),
        ("passport", "passport: request 4e68d666-b4e8-4e86-a8f3-e474c5a2b8c1"),
        ("payment_card", "XK30-4271-2491-2943-4616"),
        ("se_personnummer", "cpr-nr. 030586-2005"),
        ("si_emso", "received 1712014305916"),
    ],
)
def test_what_belongs_to_something_else_is_left_alone(detector: str, text: str) -> None:
    assert found(detector, text) == set()
    assert found("si_emso", "EMŠO 1712014305916") == {"1712014305916"}  # if it is called so
