from __future__ import annotations

import pytest

from benchmarks.guard.secrets_corpus import Finder


@pytest.fixture(scope="session")
def finder() -> Finder:
    return Finder()
