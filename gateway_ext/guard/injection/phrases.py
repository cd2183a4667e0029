"""Phrases that attacks consist of, as regular expressions with gaps, which read one line and take linear time.

Matching ignores the case of ASCII letters; other letters stand in the case that running text has them in.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from gateway_ext.guard.catalog import INJECTION
from gateway_ext.guard.detector import Detector, Span
from gateway_ext.guard.lazy_pattern import LazyPattern

_FLAGS = re.ASCII | re.IGNORECASE | re.MULTILINE
_GAP = re.compile(r"⟨(\d+)⟩")
_LONG = re.compile(r"\{([01]),\d{2,}\}")
_CHARACTERS_OF_WORD = 12


def gap(words_max: int) -> str:
    """A gap in a phrase: white space, or up to about so many words within a sentence."""
    return f"⟨{words_max}⟩"


def exact(phrases: Iterable[str], flags: re.RegexFlag = _FLAGS) -> tuple[re.Pattern[str], ...]:
    """What finds the phrases."""
    return tuple(re.compile(_GAP.sub(_bounded, phrase), flags) for phrase in phrases)


def exact_in_lower_case(phrases: Iterable[str]) -> tuple[re.Pattern[str], ...]:
    """The same for texts in lower case: several times as fast, because first letters can then be looked up."""
    return exact(phrases, _FLAGS & ~re.IGNORECASE)


def wide(phrases: Iterable[str]) -> tuple[LazyPattern, ...]:
    """What tells where they may be: a gap is anything, as long as it likes.

    Counting to more than a few takes the prefilter minutes to compile.
    """
    return tuple(LazyPattern(_LONG.sub(_unbounded, _GAP.sub(r"[^\\n]+", phrase)), _FLAGS) for phrase in phrases)


def _unbounded(match: re.Match[str]) -> str:
    return "*" if match[1] == "0" else "+"


def _bounded(match: re.Match[str]) -> str:
    words_max = int(match[1])
    between = rf"(?:[^\n.!?]{{1,{_CHARACTERS_OF_WORD * words_max}}}[ \t,:\"'*])?" if words_max else ""
    return rf"[ \t,:\"'*]{{1,3}}{between}"


class PhraseDetector(Detector):
    """Finds phrases. A phrase is all there is to a finding: no checksum, no context."""

    data_class = INJECTION

    def __init__(self, name: str, version: str, confidence: float, phrases: Iterable[str]) -> None:
        phrases = tuple(phrases)
        self.name = name
        self.version = version
        self.patterns = wide(phrases)
        self._exact = exact(phrases)
        self._confidence = confidence

    def confirm(self, text: str, start: int, end: int) -> Iterator[Span]:
        for pattern in self._exact:
            for match in pattern.finditer(text, start, end):
                yield Span(*match.span(), self._confidence, " ".join(match[0].lower().split()))
