"""Personal data: every recognizer as a detector."""

from __future__ import annotations

from collections.abc import Iterator

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
    """A recognizer as a detector."""

    def __init__(self, name: str, recognizer: GuardRecognizer) -> None:
        self.name = name
        self.version = recognizer.VERSION
        self.data_class = DETECTORS[name]
        self.patterns = recognizer.PATTERNS
        self.reads_compact = recognizer.READS_COMPACT
        self._recognizer = recognizer

    def confirm(self, text: str, start: int, end: int) -> Iterator[Span]:
        passage = text[start : end + self._recognizer.REACH_CHARACTERS]
        for first, last, confidence in self._recognizer.candidates(passage):
            if first < end - start:
                yield Span(start + first, start + last, confidence, self._recognizer.normalized(passage[first:last]))


def recognizers() -> dict[str, GuardRecognizer]:
    """By name of the detector."""
    return {
        "date_of_birth": BirthDateRecognizer(),
        "de_kvnr": GermanInsuranceRecognizer(),
        "document_mrz": TravelDocumentRecognizer(),
        "driving_licence": DrivingLicenceRecognizer(),
        "email": MailAddressRecognizer(),
        "health_card": HealthCardRecognizer(),
        "iban": PrintedIbanRecognizer(),
        "ip_public": PublicAddressRecognizer(),
        "licence_plate": LicencePlateRecognizer(),
        "mac_address": MacAddressRecognizer(),
        "passport": PassportRecognizer(),
        "payment_card": PaymentCardRecognizer(),
        "phone": EuropeanPhoneRecognizer(),
        "postal_address": PostalAddressRecognizer(),
        **{recognizer.identifier.name: recognizer for recognizer in national.recognizers()},
    }


def detectors() -> list[Detector]:
    return [RecognizerDetector(name, recognizer) for name, recognizer in recognizers().items()]
