"""All detectors and classifiers of attempts to take over the model."""

from __future__ import annotations

from gateway_ext.guard.detector import Classifier, Detector
from gateway_ext.guard.injection.chat_templates import ChatTemplateDetector
from gateway_ext.guard.injection.exfiltration import exfiltration_detector
from gateway_ext.guard.injection.extraction import extraction_detector
from gateway_ext.guard.injection.hidden_text import HiddenTextDetector
from gateway_ext.guard.injection.overrides import override_detector
from gateway_ext.guard.injection.role_spoofs import role_spoof_detector
from gateway_ext.guard.ngrams.classifier import NgramClassifier
from gateway_ext.guard.ngrams.weights import HEADS


def detectors() -> list[Detector]:
    return [
        ChatTemplateDetector(),
        HiddenTextDetector(),
        exfiltration_detector(),
        extraction_detector(),
        override_detector(),
        role_spoof_detector(),
    ]


def classifiers(enabled: frozenset[str]) -> list[Classifier]:
    """Those that find any of the kinds `enabled`.

    The n-gram model judges kinds of other families, too, in the same pass, so all of them come from here.
    """
    heads = enabled.intersection(HEADS)
    return [NgramClassifier(heads)] if heads else []
