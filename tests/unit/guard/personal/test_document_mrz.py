"""Specimens of ICAO Doc 9303, parts 4 to 6."""

from __future__ import annotations

import pytest

from gateway_ext.guard.personal.document_mrz import TravelDocumentRecognizer, check_digit

MRZ = TravelDocumentRecognizer()
PASSPORT = ("P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<", "L898902C36UTO7408122F1204159ZE184226B<<<<<10")
CARD_1 = ("I<UTOD231458907<<<<<<<<<<<<<<<", "7408122F1204159UTO<<<<<<<<<<<6", "ERIKSSON<<ANNA<MARIA<<<<<<<<<<")
CARD_2 = ("I<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<", "D231458907UTO7408122F1204159<<<<<<<6")


def values(text: str) -> list[str]:
    return [text[start:end] for start, end, _ in MRZ.candidates(text)]


@pytest.mark.parametrize("line", [*PASSPORT, *CARD_1, *CARD_2, "I<UTOD23145890<7349<<<<<<<<<<<"])
def test_specimens(line: str) -> None:
    assert values(f"scan: {line}\n") == [line]
    assert any(pattern.search(line) for pattern in MRZ.PATTERNS)


def test_lines_that_have_run_together() -> None:
    assert values("".join(PASSPORT)) == list(PASSPORT)
    assert values("".join(CARD_1)) == list(CARD_1)


@pytest.mark.parametrize("line", [PASSPORT[1], *CARD_1[:2], CARD_2[1]])
def test_wrong_check_digits(line: str) -> None:
    place = line.index("2")
    assert values(line[:place] + "3" + line[place + 1 :]) == []


@pytest.mark.parametrize(
    "text",
    ["<<<<<<< HEAD", "A<<B", "X" * 44, "0" * 30, "MAX<<SHIFT<<BITS", PASSPORT[0][:-1], "<" * 44, "P<" + "<" * 42],
)
def test_other_texts(text: str) -> None:
    assert values(text) == []


@pytest.mark.parametrize(
    ("field", "digit"), [("520727", 3), ("AB2134<<<", 5), ("HA672242<658022549601086<<<<<<<", 8), ("<<<<<<", 0)]
)
def test_check_digits(field: str, digit: int) -> None:
    assert check_digit(field) == digit
