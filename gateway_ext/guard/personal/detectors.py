"""Personal data, recognised by Presidio recognizers; any of Presidio's can be made a detector the same way."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from gateway_ext.guard.catalog import DETECTORS
from gateway_ext.guard.detector import Detector, Span
from gateway_ext.guard.personal.date_of_birth import BirthDateRecognizer
from gateway_ext.guard.personal.document_mrz import TravelDocumentRecognizer
from gateway_ext.guard.personal.driving_licence import DrivingLicenceRecognizer
from gateway_ext.guard.personal.email import MailAddressRecognizer
from gateway_ext.guard.personal.german_kvnr import GermanInsuranceRecognizer
from gateway_ext.guard.personal.health_card import HealthCardRecognizer
from gateway_ext.guard.personal.iban import PrintedIbanRecognizer
from gateway_ext.guard.personal.ip_address import PublicAddressRecognizer
from gateway_ext.guard.personal.licence_plate import LicencePlateRecognizer
from gateway_ext.guard.personal.mac_address import MacAddressRecognizer
from gateway_ext.guard.personal.national import table as national
from gateway_ext.guard.personal.passport import PassportRecognizer
from gateway_ext.guard.personal.payment_card import PaymentCardRecognizer
from gateway_ext.guard.personal.phone import EuropeanPhoneRecognizer
from gateway_ext.guard.personal.postal_address import PostalAddressRecognizer
from gateway_ext.guard.personal.recognizer import GuardRecognizer


class RecognizerDetector(Detector):
    """A recognizer as a detector. It runs by itself, without Presidio's engine, which would want a language model."""

    def __init__(self, name: str, recognizer: GuardRecognizer) -> None:
        self.name = name
        self.version = recognizer.version
        self.data_class = DETECTORS[name]
        self.patterns: Sequence[re.Pattern[str]] = recognizer.PATTERNS
        self.reads_compact = recognizer.READS_COMPACT
        self._recognizer = recognizer

    def confirm(self, text: str, start: int, end: int) -> Iterator[Span]:
        passage = text[start : end + self._recognizer.REACH_CHARACTERS]
        for result in self._recognizer.analyze(passage, self._recognizer.supported_entities):
            if result.start < end - start:
                value = self._recognizer.normalized(passage[result.start : result.end])
                yield Span(start + result.start, start + result.end, result.score, value)


def detectors() -> list[Detector]:
    return [
        RecognizerDetector("date_of_birth", BirthDateRecognizer()),
        RecognizerDetector("de_kvnr", GermanInsuranceRecognizer()),
        RecognizerDetector("document_mrz", TravelDocumentRecognizer()),
        RecognizerDetector("driving_licence", DrivingLicenceRecognizer()),
        RecognizerDetector("email", MailAddressRecognizer()),
        RecognizerDetector("health_card", HealthCardRecognizer()),
        RecognizerDetector("iban", PrintedIbanRecognizer()),
        RecognizerDetector("ip_public", PublicAddressRecognizer()),
        RecognizerDetector("licence_plate", LicencePlateRecognizer()),
        RecognizerDetector("mac_address", MacAddressRecognizer()),
        RecognizerDetector("passport", PassportRecognizer()),
        RecognizerDetector("payment_card", PaymentCardRecognizer()),
        RecognizerDetector("phone", EuropeanPhoneRecognizer()),
        RecognizerDetector("postal_address", PostalAddressRecognizer()),
        *(RecognizerDetector(recognizer.identifier.name, recognizer) for recognizer in national.recognizers()),
    ]
