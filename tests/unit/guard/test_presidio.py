"""In Presidio's own engine, with a blank spaCy pipeline."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest
import spacy
from presidio_analyzer import AnalyzerEngine, RecognizerRegistry
from presidio_analyzer.nlp_engine import SpacyNlpEngine

from gateway_ext.guard.personal.detectors import recognizers
from gateway_ext.guard.presidio import presidio_recognizers

IBAN = "DE89370400440532013000"


@pytest.fixture(scope="module")
def analyzer() -> AnalyzerEngine:
    engine: Any = SpacyNlpEngine(models=[])
    engine.nlp = {"en": spacy.blank("en")}
    registry = RecognizerRegistry(recognizers=list(presidio_recognizers("en")), supported_languages=["en"])
    return AnalyzerEngine(registry=registry, nlp_engine=engine, supported_languages=["en"])


def test_values_are_found_as_the_guard_finds_them(analyzer: AnalyzerEngine) -> None:
    text = f"Transfer to {IBAN}, mail jeanne@example.fr; the card is 4111 1111 1111 1111."
    found = {result.entity_type: text[result.start : result.end] for result in analyzer.analyze(text, "en")}
    assert found["IBAN_CODE"] == IBAN
    assert found["EMAIL_ADDRESS"] == "jeanne@example.fr"
    assert found["CREDIT_CARD"] == "4111 1111 1111 1111"


def test_only_entities_that_are_asked_for(analyzer: AnalyzerEngine) -> None:
    assert analyzer.analyze(f"to {IBAN}", "en", entities=["EMAIL_ADDRESS"]) == []


def test_every_recognizer_is_there(analyzer: AnalyzerEngine) -> None:
    assert {one.ENTITY for one in recognizers().values()} <= set(analyzer.get_supported_entities("en"))


def test_the_gateway_does_not_load_presidio() -> None:
    code = "import sys, gateway_ext.bootstrap.processor, gateway_ext.guard.engine; print({'presidio_analyzer', 'spacy'} & set(sys.modules))"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "set()"
