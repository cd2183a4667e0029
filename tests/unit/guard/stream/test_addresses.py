from __future__ import annotations

import pytest

from gateway_ext.guard.stream.addresses import Addresses


def held(text: str) -> str:
    """What is held back of `text`, of which all words are finished."""
    addresses = Addresses()
    position = 0
    for word in text.split(" "):
        addresses.note(text, 0, position, position + len(word))
        position += len(word) + 1
    return text[addresses.live(len(text)) :]


@pytest.mark.parametrize(
    "text",
    [
        "Karl Marx Straße",
        "Karl Marx Straße 5, 10115",
        "10 Downing",
        "10 Downing Street, London",
        "12 bis, rue de la",
        "via",
        "via giuseppe verdi",
        "75002 Paris, rue de la",
        "Gornji stari grad 5,",
        "Ha\u200bupt\u200bplatz 1\nTop 3\n1010",
    ],
)
def test_what_may_become_an_address_is_held_from_its_beginning(text: str) -> None:
    assert held(text) == text
    assert held(f"so it is at {text}") == text


@pytest.mark.parametrize(
    "text",
    [
        "the quick brown fox",
        "The house is old and",
        "In March 12 of the people whom we had asked were",
        "Die Lieferung verzögert sich um drei",
        "rund 40 Millionen Euro wurden es am ende",
        "place of the many; and",
        "Hauptplatz 1\n\nand",
    ],
)
def test_what_does_not_go_on_as_an_address_is_let_go(text: str) -> None:
    assert held(text) == ""


def test_of_very_many_beginnings_none_is_forgotten() -> None:
    text = "Aa 1 " * 30
    assert len(held(text.rstrip())) > 100
