"""All kinds in all languages, as the benchmark measures them: found by pattern and confirmer, and nothing else is."""

from __future__ import annotations

from random import Random

import pytest

from benchmarks.guard.personal_samples import KINDS, LANGUAGES, lead_in, near_miss, valid
from gateway_ext.guard.detector import Detector
from gateway_ext.guard.passages import passage_at
from gateway_ext.guard.personal.detectors import detectors

DETECTORS = {detector.name: detector for detector in detectors()}


def found(detector: Detector, text: str) -> set[str]:
    passages = {passage_at(text, match.end() - 1) for pattern in detector.patterns for match in pattern.finditer(text)}
    return {text[span.start : span.end] for passage in passages for span in detector.confirm(text, *passage)}


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("kind", KINDS)
def test_valid_values_are_found_and_near_misses_are_not(kind: str, language: str) -> None:
    random = Random(f"{kind} {language}")
    for _ in range(3):
        value = valid(kind, random, language)
        values = found(DETECTORS[kind], f"Xy {lead_in(kind, random, language)}{value}, ok.")
        assert any(value.strip("()") in other or (other in value and len(other) > len(value) - 3) for other in values)
        assert found(DETECTORS[kind], f"Xy {near_miss(kind, random, language)}, ok.") == set()
