"""All detectors and classifiers of confidential business content that need no input of the operator.

Dictionaries come from policy, registered documents from the registry of the state directory.
"""

from __future__ import annotations

from functools import cache

from gateway_ext.guard.confidential.canary import CanaryDetector
from gateway_ext.guard.confidential.contracts import ContractClassifier
from gateway_ext.guard.confidential.labels import label_detectors
from gateway_ext.guard.detector import Classifier, Detector


def detectors() -> list[Detector]:
    return [CanaryDetector(), *label_detectors()]


def classifiers(enabled: frozenset[str]) -> list[Classifier]:
    """Those that find any of the kinds `enabled`. `source_code` is a head of the n-gram model, see injection."""
    return [_contracts()] if "contract_clause" in enabled else []


@cache
def _contracts() -> ContractClassifier:
    """One for all sets of kinds: compiling its wordings takes half a second."""
    return ContractClassifier()
