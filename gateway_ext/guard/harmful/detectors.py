"""All detectors and classifiers of harmful content."""

from __future__ import annotations

from gateway_ext.guard.detector import Classifier, Detector


def detectors() -> list[Detector]:
    return []


def classifiers() -> list[Classifier]:
    return []
