"""Patterns for the prefilter, a thousand of them: Hyperscan reads their text, and nothing else searches with them.

Compiled by `re` as well they would take a quarter of a second of each processor's start.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class LazyPattern:
    """A regular expression that `re` compiles when it is searched with."""

    pattern: str
    flags: int

    def finditer(self, text: str) -> Iterator[re.Match[str]]:
        """As `re.Pattern`. Raises re.error for a pattern that is none."""
        return re.finditer(self.pattern, text, self.flags)

    def search(self, text: str) -> re.Match[str] | None:
        """As `finditer`, the first."""
        return re.search(self.pattern, text, self.flags)


Pattern: TypeAlias = re.Pattern[str] | LazyPattern
