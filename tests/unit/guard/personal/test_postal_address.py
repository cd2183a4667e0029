from __future__ import annotations

import pytest

from gateway_ext.guard.personal.detectors import RecognizerDetector
from gateway_ext.guard.personal.postal_address import PostalAddressRecognizer

ADDRESS = PostalAddressRecognizer()


def values(text: str) -> set[str]:
    return {text[start:end] for start, end, _ in ADDRESS.candidates(text)}


@pytest.mark.parametrize(
    "address",
    [
        "12 bis, avenue Victor Hugo\n69003 Lyon",
        "5 boulevard de l'Europe, Bâtiment B, 67000 Strasbourg",
        "Mariahilfer Straße 10/3/12, 1060 Wien",
        "Lange Str. 12a\n\t20095 Hamburg",
        "Keizersgracht 123, 1015 CJ Amsterdam",
        "C/ Alcalá 45, 3º B, 28014 Madrid",
        "221B Baker Street\r\nLondon NW1 6XE",
        "1052 Budapest, Váci utca 5",
        "Str. Lipscani nr. 10, București 030031",
        "Dlouhá 15, 110 00 Praha 1",
        "Ilica 10, 10000 Zagreb",
        "Ilica 10 10000 Zagreb",
        "Spui 12, 1012 XA Amsterdam",
    ],
)
def test_the_whole_address_is_found(address: str) -> None:
    assert address in values(f"Adresse: {address}, merci")


@pytest.mark.parametrize(
    "text",
    [
        "Hauptstraße 5",
        "10115 Berlin",
        "10 Downing Street is famous",
        "March 15, 2024 Monday",
        "rue de la Paix, 75002 paris",
        "weg 5, 2000 Tests",
        "Version 12 1012 XA Members",
        "Hauptstraße 5\n\n\n\n10115 Berlin",
    ],
)
def test_half_an_address_is_none(text: str) -> None:
    assert values(text) == set()


def test_an_address_may_go_on_in_the_next_passage_but_must_begin_in_its_own() -> None:
    detector = RecognizerDetector("postal_address", ADDRESS)
    text = "Lange Str. 12a\n20095 Hamburg"
    line_end = text.index("\n")
    assert [(span.start, span.end) for span in detector.confirm(text, 0, line_end)] == [(0, len(text))]
    assert list(detector.confirm(text, line_end + 1, len(text))) == []


def test_equal_addresses_have_one_normal_form() -> None:
    assert ADDRESS.normalized("Lange Str. 12a\n20095 HAMBURG") == ADDRESS.normalized("lange str 12a, 20095 Hamburg")
