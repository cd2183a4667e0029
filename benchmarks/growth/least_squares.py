"""A straight line through points, with how far its slope can be trusted. Pure."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Line:
    """`y = intercept + slope * x`. `slope_error` is the slope's standard error; 0 where two points leave no doubt."""

    slope: float
    intercept: float
    slope_error: float

    def exceeds(self, slope: float) -> bool:
        """Whether it is steeper than `slope` beyond two standard errors."""
        return self.slope - 2 * self.slope_error > slope


def fit(xs: Sequence[float], ys: Sequence[float]) -> Line:
    """Ordinary least squares. Raises statistics.StatisticsError for fewer than two different `xs`."""
    slope, intercept = statistics.linear_regression(xs, ys)
    middle = statistics.fmean(xs)
    spread = math.fsum((x - middle) ** 2 for x in xs)
    residual = math.fsum((y - intercept - slope * x) ** 2 for x, y in zip(xs, ys, strict=True))
    free = len(xs) - 2
    return Line(slope, intercept, math.sqrt(residual / free / spread) if free else 0.0)
