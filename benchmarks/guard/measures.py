"""Measures of classifiers from the scores of texts they were not trained on."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Labels = npt.NDArray[np.bool_]


def area_under_curve(positive: Floats, negative: Floats) -> float:
    """The probability that a positive scores above a negative (Mann-Whitney); ties count half."""
    ordered = np.sort(negative)
    below = np.searchsorted(ordered, positive, "left") + np.searchsorted(ordered, positive, "right")
    return float(below.mean() / 2 / len(negative))


def threshold_at(false_positive_rate: float, negative: Floats) -> float:
    """The lowest score at which no more than that share of the negatives is reported."""
    kept = int(np.floor(false_positive_rate * len(negative)))
    return float(np.nextafter(np.sort(negative)[::-1][kept], np.inf))


def calibration(positive: Floats, negative: Floats) -> tuple[float, float]:
    """Slope and intercept of Platt's logistic function at even odds, by Newton's method."""
    scores = np.concatenate([positive, negative])
    labels = np.concatenate([np.ones(len(positive)), np.zeros(len(negative))])
    weights = np.where(labels > 0, 0.5 / len(positive), 0.5 / len(negative))
    slope, intercept = 0.0, 0.0
    for _ in range(50):
        chance = 1 / (1 + np.exp(-(slope * scores + intercept)))
        error, curve = weights * (chance - labels), weights * chance * (1 - chance)
        step = np.linalg.solve(
            np.array(
                [[(curve * scores**2).sum() + 1e-9, (curve * scores).sum()], [(curve * scores).sum(), curve.sum()]]
            ),
            np.array([(error * scores).sum(), error.sum()]),
        )
        slope, intercept = slope - step[0], intercept - step[1]
    return float(slope), float(intercept)


def precision_recall(positive: Floats, negative: Floats, threshold: float) -> tuple[float, float]:
    found, false = (positive >= threshold).sum(), (negative >= threshold).sum()
    return float(found / max(1, found + false)), float(found / len(positive))
