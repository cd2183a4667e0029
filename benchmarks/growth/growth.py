"""How a cost grows with a size: figures by size, the exponent they fit, and the verdict on it. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.growth.least_squares import Line, fit

DECADES = (
    2.0  # of sizes, the largest ones, that the exponent is fitted over: below, constant costs cover how a cost grows
)
LINEAR_MAX = 1.1  # what is measured as this and less is linear; caches and allocation alone cost some hundredths


@dataclass(frozen=True, slots=True)
class Growth:
    """What costs `values` (in `unit`) at `sizes` (of `of`, ascending). `why` explains what is worse than linear."""

    dimension: str
    what: str
    of: str
    unit: str
    sizes: tuple[int, ...]
    values: tuple[float, ...]
    why: str = ""

    @property
    def upper(self) -> tuple[tuple[int, ...], tuple[float, ...]]:
        """The sizes that count for the exponent, three at least where there are so many, and their values."""
        first = next(at for at, size in enumerate(self.sizes) if size >= self.sizes[-1] / 10**DECADES)
        first = max(0, min(first, len(self.sizes) - 3))
        return self.sizes[first:], self.values[first:]

    @property
    def law(self) -> Line:
        """The straight line through the logarithms: its slope is the exponent."""
        sizes, values = self.upper
        return fit([math.log10(size) for size in sizes], [math.log10(value) for value in values])

    @property
    def is_worse_than_linear(self) -> bool:
        return self.law.exceeds(LINEAR_MAX)


def table(growths: Sequence[Growth]) -> str:
    """A row for each: first and last figure, and the exponent with its standard error."""
    lines = ["| grows with | what | from | to | exponent | |", "|---|---|---|---|---|---|"]
    for each in growths:
        first, last = (f"{amount(each.values[at])} {each.unit} at {amount(each.sizes[at])} {each.of}" for at in (0, -1))
        verdict = f"**worse than linear** {each.why}".rstrip() if each.is_worse_than_linear else ""
        law = f"{each.law.slope:.2f} ± {each.law.slope_error:.2f}"
        lines.append(f"| {each.dimension} | {each.what} | {first} | {last} | {law} | {verdict} |")
    return "\n".join(lines)


def amount(number: float) -> str:
    """Three digits that say something: 1.23, 12.3, 123, 12,345, 0.00123."""
    return f"{number:,.0f}" if number >= 100 else f"{number:.3g}"
