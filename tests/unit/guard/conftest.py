from __future__ import annotations

from collections.abc import Iterator

import pytest

from gateway_ext.guard.engine import GuardEngine, shipped_detectors
from gateway_ext.guard.fingerprint import Fingerprints
from gateway_ext.guard.scanner import Scanner

KEY = b"0123456789abcdef0123456789abcdef"


@pytest.fixture(scope="session")
def scanner() -> Scanner:
    return Scanner(shipped_detectors(), Fingerprints(KEY))


@pytest.fixture(scope="session")
def guard() -> Iterator[GuardEngine]:
    engine = GuardEngine(KEY)
    yield engine
    engine.close()
