"""Personal data, recognised by Presidio recognizers; any of Presidio's can be made a detector the same way."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from gateway_ext.guard.catalog import DETECTORS
from gateway_ext.guard.detector import Detector, Span
from gateway_ext.guard.personal.email import MailAddressRecognizer
from gateway_ext.guard.personal.french_nir import FrenchNirRecognizer
from gateway_ext.guard.personal.iban import PrintedIbanRecognizer
from gateway_ext.guard.personal.payment_card import PaymentCardRecognizer
from gateway_ext.guard.personal.phone import EuropeanPhoneRecognizer
from gateway_ext.guard.personal.recognizer import GuardRecognizer


class RecognizerDetector(Detector):
    """A recognizer as a detector. It runs by itself, without Presidio's engine, which would want a language model."""

    def __init__(self, name: str, recognizer: GuardRecognizer) -> None:
        self.name = name
        self.version = recognizer.version
        self.data_class = DETECTORS[name]
        self.patterns: Sequence[re.Pattern[str]] = recognizer.PATTERNS
        self._recognizer = recognizer

    def confirm(self, text: str, start: int, end: int) -> Iterator[Span]:
        passage = text[start:end]
        for result in self._recognizer.analyze(passage, self._recognizer.supported_entities):
            value = self._recognizer.normalized(passage[result.start : result.end])
            yield Span(start + result.start, start + result.end, result.score, value)


def detectors() -> list[Detector]:
    return [
        RecognizerDetector("email", MailAddressRecognizer()),
        RecognizerDetector("fr_nir", FrenchNirRecognizer()),
        RecognizerDetector("iban", PrintedIbanRecognizer()),
        RecognizerDetector("payment_card", PaymentCardRecognizer()),
        RecognizerDetector("phone", EuropeanPhoneRecognizer()),
    ]
