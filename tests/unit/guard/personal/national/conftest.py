from __future__ import annotations

from collections.abc import Callable

import pytest

from gateway_ext.guard.personal.national.table import recognizers

_RECOGNIZERS = {recognizer.identifier.name: recognizer for recognizer in recognizers()}

Found = Callable[[str, str], list[str]]


@pytest.fixture(scope="session")
def found() -> Found:
    """The values that the recognizer of this name finds in a text; where it finds any, the prefilter must hit."""

    def values(name: str, text: str) -> list[str]:
        recognizer = _RECOGNIZERS[name]
        spans = [(start, end) for start, end, _ in recognizer.candidates(text)]
        assert not spans or any(pattern.search(text) for pattern in recognizer.PATTERNS)
        return [text[start:end] for start, end in spans]

    return values
