from __future__ import annotations

import re
from collections.abc import Sequence

import pytest

from benchmarks.guard.european_set import Sample
from benchmarks.guard.scoring import is_also, score
from gateway_ext.guard.cache import Match
from gateway_ext.guard.detector import Kind


def sample(text: str, value: str, kind: str, *, is_valid: bool = True, language: str = "en") -> Sample:
    start = text.index(value)
    return Sample(text, language, kind, start, start + len(value), is_valid)


def finding(name: str, pattern: str) -> object:
    def find(text: str) -> Sequence[Match]:
        return [Match(Kind(name, "1", "personal"), *match.span(), 1.0, "") for match in re.finditer(pattern, text)]

    return find


SAMPLES = [
    sample("call +49 30 123456, order 4711", "+49 30 123456", "phone"),
    sample("rufen Sie an: 030 123456", "030 123456", "phone", language="de"),
    sample("BSN 111222334", "111222334", "nl_bsn", is_valid=False),
]


def test_a_value_counts_if_a_finding_of_its_kind_covers_all_of_it() -> None:
    scores = score(finding("phone", r"\+?\d[\d ]+\d(?=,|$)"), SAMPLES[:2])  # type: ignore[arg-type]
    assert (scores.by_detector["phone"].found, scores.by_detector["phone"].false) == (2, 1)  # 4711 is an order
    assert scores.by_language["de"].recall == scores.by_language["de"].precision == 1.0
    assert scores.by_language["en"].precision == 0.5


def test_part_of_a_value_is_not_enough() -> None:
    scores = score(finding("phone", r"(?<=030 )\d+"), SAMPLES[1:2])  # type: ignore[arg-type]
    assert scores.by_detector["phone"].recall == 0.0
    assert scores.by_detector["phone"].false == 0  # and yet it is no false finding


def test_findings_of_other_detectors_and_in_near_misses_are_false() -> None:
    assert score(finding("iban", r"\d{6,}"), SAMPLES).by_detector["iban"].false == 3  # type: ignore[arg-type]
    assert score(finding("nl_bsn", r"\d{9}"), SAMPLES).by_detector["nl_bsn"].false == 1  # type: ignore[arg-type]


def test_numbers_valid_under_two_schemes_are_neither_right_nor_false() -> None:
    number = "36805280109"  # Estonian and Lithuanian codes are made alike
    assert is_also("ee_isikukood", number)
    assert is_also("lt_asmens_kodas", number)
    both = [sample(f"asmens kodas {number}", number, "lt_asmens_kodas")]
    assert "ee_isikukood" not in score(finding("ee_isikukood", r"\d{11}"), both).by_detector  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("detector", "value", "expected"),
    [
        ("iban", "DE89 3704 0044 0532 0130 00", True),
        ("iban", "DE88 3704 0044 0532 0130 00", False),
        ("payment_card", "4111-1111-1111-1111", True),
        ("payment_card", "4111-1111-1111-1112", False),
        ("vat_number", "ATU13585627", True),
        ("se_personnummer", "550672-4672", True),  # samordningsnummer
        ("pt_nif", "abc", False),
        ("phone", "+49 30 123456", False),
    ],
)
def test_what_is_valid_under_another_scheme(detector: str, value: str, expected: bool) -> None:
    assert is_also(detector, value) == expected
