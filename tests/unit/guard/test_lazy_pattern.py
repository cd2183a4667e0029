"""A pattern as text: what the prefilter makes of it, and what `re` does."""

from __future__ import annotations

import re

import pytest

from gateway_ext.errors import ConfigurationError
from gateway_ext.guard.lazy_pattern import LazyPattern
from gateway_ext.guard.prefilter import Prefilter

TEXT = "Tel 0301 and TEL 99, tel x\ntel 7"


@pytest.mark.parametrize("source", [r"tel [0-9]", r"(?P<trigger>tel)[^\n]*[0-9]{2}", r"tel (?![0-9]{2})"])
@pytest.mark.parametrize("flags", [re.ASCII, re.ASCII | re.IGNORECASE])
def test_it_is_read_as_the_compiled_one_is(source: str, flags: re.RegexFlag) -> None:
    lazy, compiled = LazyPattern(source, flags), re.compile(source, flags)
    assert (lazy.pattern, lazy.flags) == (compiled.pattern, compiled.flags)
    hits = Prefilter([[lazy]]).hits(TEXT.encode(), 100)
    assert hits == Prefilter([[compiled]]).hits(TEXT.encode(), 100)
    assert [match.span() for match in lazy.finditer(TEXT)] == [match.span() for match in compiled.finditer(TEXT)]
    assert bool(lazy.search(TEXT)) == bool(hits)


def test_one_for_other_than_ascii_is_refused() -> None:
    with pytest.raises(ConfigurationError, match=r"lacks re\.ASCII"):
        Prefilter([[LazyPattern("a", re.IGNORECASE)]])
