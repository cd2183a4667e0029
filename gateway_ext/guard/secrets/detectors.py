"""All detectors of credentials."""

from __future__ import annotations

from gateway_ext.guard.detector import Detector
from gateway_ext.guard.secrets.entropy import entropy_detectors
from gateway_ext.guard.secrets.keywords import KeywordDetector
from gateway_ext.guard.secrets.plugins import token_detectors
from gateway_ext.guard.secrets.private_keys import PrivateKeyDetector


def detectors() -> list[Detector]:
    return [*token_detectors(), PrivateKeyDetector(), KeywordDetector(), *entropy_detectors()]
