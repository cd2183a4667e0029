"""The contract between the Guard and its detectors."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from gateway_ext.guard.lazy_pattern import Pattern


@dataclass(frozen=True, slots=True)
class Span:
    """A confirmed value at `[start, end)` (code points). `value` is its normal form, only ever fingerprinted."""

    start: int
    end: int
    confidence: float  # 0 … 1
    value: str = field(repr=False)


class TooManyCandidates(Exception):  # noqa: N818  (becomes a verdict, no caller sees it)
    """A text holds more than will be looked at."""


class Detector(ABC):
    """One kind of value with a recognisable form.

    `patterns` tell where it is worth to look: whatever `confirm` finds, a match of one of them must end within it or
    within the same passage. They carry `re.ASCII`, which is how the prefilter understands them; other scripts'
    digits and letters reach detectors in ASCII through the views. A group named `trigger` marks the rare part of a
    pattern that lies within a line (see Prefilter). `name` stands in the catalogue.

    `reads_compact`: also search texts whose separators have been taken out (`4 1 1 1…`, a key broken over two lines).
    Only for kinds that a checksum or a distinctive prefix proves, because there words run together.
    """

    name: str
    version: str
    data_class: str
    patterns: Sequence[Pattern]
    reads_compact: bool = False

    @abstractmethod
    def confirm(self, text: str, start: int, end: int) -> Iterable[Span]:
        """Values in the passage `text[start:end]`. A value may reach beyond the passage, but must begin in it.

        Must be linear, or nearly so, in the length of the passage, and must not touch the network or global state.
        """


@dataclass(frozen=True, slots=True)
class Kind:
    """What a finding of a classifier is called. `name` stands in the catalogue, or is made by policy."""

    name: str
    version: str
    data_class: str


class Classifier(ABC):
    """Judges texts as a whole, where no pattern tells where to look: n-gram models, dictionaries, document shingles."""

    kinds: Sequence[Kind]

    @abstractmethod
    def spans(self, texts: Sequence[str]) -> list[list[tuple[int, Span]]]:
        """For each text what was found in it: index into `kinds`, and where.

        Many texts at once, because a request may have thousands of small ones. Must be linear, about 20 ns a code
        point, and must not touch the network or global state.
        """
