"""The contract between the Guard and its detectors."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Span:
    """A confirmed value at `[start, end)` (code points). `value` is its normal form, only ever fingerprinted."""

    start: int
    end: int
    confidence: float  # 0 … 1
    value: str = field(repr=False)


class TooManyCandidates(Exception):  # noqa: N818  (becomes a verdict, no caller sees it)
    """A text holds more than will be looked at."""


class Detector(Protocol):
    """One kind of value.

    `patterns` tell where it is worth to look: whatever `confirm` finds, a match of one of them must end within it or
    within the same passage. They carry `re.ASCII`, which is how the prefilter understands them; other scripts'
    digits and letters reach detectors in ASCII through the NFKC view.
    """

    @property
    def name(self) -> str: ...

    @property
    def version(self) -> str: ...

    @property
    def data_class(self) -> str: ...

    @property
    def patterns(self) -> Sequence[re.Pattern[str]]: ...

    def confirm(self, text: str, start: int, end: int) -> Iterable[Span]:
        """Values in the passage `text[start:end]`. A value may reach beyond the passage, but must begin in it.

        Must be linear, or nearly so, in the length of the passage, and must not touch the network or global state.
        """
        ...
