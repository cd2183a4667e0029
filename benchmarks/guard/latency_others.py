"""detect-secrets and Presidio, called as libraries and called as gateways do. Neither may use the network here."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import spacy
import tldextract
from detect_secrets.core.scan import scan_line
from detect_secrets.settings import default_settings
from presidio_analyzer import AnalyzerEngine, RecognizerRegistry
from presidio_analyzer.nlp_engine import SpacyNlpEngine

from gateway_ext.exchange import Text

_VERIFIES = "detect_secrets.filters.common.is_ignored_due_to_verification_policies"


@dataclass(frozen=True, slots=True)
class Others:
    every: AnalyzerEngine
    default: AnalyzerEngine

    def libraries_ms(self, texts: Sequence[Text]) -> float:
        """All of Presidio's recognizers on each text, and detect-secrets on its lines, both set up once."""

        def run() -> None:
            with _detect_secrets():
                for text in texts:
                    for line in text.value.splitlines():
                        list(scan_line(line))
                    self.every.analyze(text.value, "en")

        return _milliseconds(run)

    def per_message_ms(self, texts: Sequence[Text]) -> float:
        """Presidio's default recognizers on each message, and detect-secrets, set up anew, on each of its lines."""

        def run() -> None:
            for text in texts:
                for line in text.value.splitlines():
                    with _detect_secrets():
                        list(scan_line(line))
                self.default.analyze(text.value, "en")

        return _milliseconds(run)


@contextmanager
def opened() -> Iterator[Others]:
    """Both libraries, ready. The language model is a blank one: trained ones only make Presidio slower."""
    online = tldextract.extract
    # Presidio would fetch the list of public suffixes.
    vars(tldextract)["extract"] = tldextract.TLDExtract(suffix_list_urls=(), cache_dir=None)
    try:
        yield Others(_analyzer(is_complete=True), _analyzer(is_complete=False))
    finally:
        vars(tldextract)["extract"] = online


def _analyzer(*, is_complete: bool) -> AnalyzerEngine:
    engine: Any = SpacyNlpEngine(models=[{"lang_code": "en", "model_name": "blank"}])
    engine.nlp = {"en": spacy.blank("en")}
    registry: Any = RecognizerRegistry()
    registry.load_predefined_recognizers(languages=["en"], nlp_engine=engine)
    if is_complete:
        for recognizer in _of_other_countries(registry):
            registry.add_recognizer(recognizer)
    return AnalyzerEngine(registry=registry, nlp_engine=engine, supported_languages=["en"])


def _of_other_countries(registry: Any) -> Iterator[Any]:
    """Presidio's recognizers of numbers that its defaults leave out, told to read English."""
    import presidio_analyzer.predefined_recognizers as predefined  # noqa: PLC0415  (only names of it are listed)
    from presidio_analyzer import PatternRecognizer  # noqa: PLC0415

    known = {type(recognizer) for recognizer in registry.recognizers}
    for each in vars(predefined).values():
        if isinstance(each, type) and issubclass(each, PatternRecognizer) and each not in {PatternRecognizer, *known}:
            recognizer: Any = each
            yield recognizer(supported_language="en")


@contextmanager
def _detect_secrets() -> Iterator[None]:
    with default_settings() as settings:
        settings.disable_filters(_VERIFIES)
        yield


def _milliseconds(run: Callable[[], None]) -> float:
    started = time.process_time()
    run()
    return (time.process_time() - started) * 1e3
