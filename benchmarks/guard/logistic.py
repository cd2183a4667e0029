"""Logistic regression on hashed n-grams in plain numpy: sparse rows, L2 penalty, L-BFGS. The same on every run.

No function here uses BLAS, whose threads may add up in another order each time.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gateway_ext.guard.ngrams.grams import BUCKET_BITS, SIZES, Layout, hashed

FEATURES = len(SIZES) << BUCKET_BITS
PENALTY = 1e-5
ITERATIONS_MAX = 60
IMPROVEMENT_MIN = 1e-5  # of the loss, below which training ends
_HISTORY = 8

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Rows:
    """Windows as sparse rows. `owners[i]` is the text that row i is a window of."""

    features: npt.NDArray[np.int32]
    values: npt.NDArray[np.float32]
    lengths: npt.NDArray[np.int64]
    owners: npt.NDArray[np.int64]
    texts: int

    @classmethod
    def of(cls, texts: Sequence[str], every: int = 1) -> Rows:
        """Windows of `texts` as the classifier sees them, or each `every`-th: counts of n-grams over √positions."""
        parts = [(owner, *row) for owner, text in enumerate(texts) for row in _windows(text, every)]
        return cls(
            np.concatenate([features for _, features, _ in parts]),
            np.concatenate([values for _, _, values in parts]),
            np.array([len(features) for _, features, _ in parts]),
            np.array([owner for owner, _, _ in parts]),
            len(texts),
        )

    @classmethod
    def joined(cls, all_rows: Sequence[Rows]) -> Rows:
        offsets = np.cumsum([0, *(rows.texts for rows in all_rows)])
        return cls(
            np.concatenate([rows.features for rows in all_rows]),
            np.concatenate([rows.values for rows in all_rows]),
            np.concatenate([rows.lengths for rows in all_rows]),
            np.concatenate([rows.owners + offset for rows, offset in zip(all_rows, offsets, strict=False)]),
            int(offsets[-1]),
        )

    def selected(self, texts: npt.NDArray[np.bool_]) -> Rows:
        """Those of some of the texts, which are numbered anew."""
        kept = texts[self.owners]
        cells = np.repeat(kept, self.lengths)
        number = np.cumsum(texts) - 1
        return Rows(
            self.features[cells],
            self.values[cells],
            self.lengths[kept],
            number[self.owners[kept]],
            int(texts.sum()),
        )

    def scores(self, weights: npt.NDArray[np.float32]) -> Floats:
        starts = np.concatenate([[0], np.cumsum(self.lengths)[:-1]])
        return np.add.reduceat(weights[self.features] * self.values, starts).astype(np.float64)

    def gradient(self, errors: Floats) -> Floats:
        cells = np.repeat(errors.astype(np.float32), self.lengths) * self.values
        return np.bincount(self.features, weights=cells, minlength=FEATURES).astype(np.float64)

    def highest(self, model: Model) -> Floats:
        """The score of each text: that of its highest window."""
        highest = np.full(self.texts, -np.inf)
        np.maximum.at(highest, self.owners, self.scores(model.weights) + model.bias)
        return highest


@dataclass(frozen=True, slots=True)
class Model:
    weights: npt.NDArray[np.float32]
    bias: float


def _windows(text: str, every: int) -> list[tuple[npt.NDArray[np.int32], npt.NDArray[np.float32]]]:
    layout = Layout.of([text.encode("utf-8", "replace")])
    grams = np.stack(hashed(layout.buffer, 0, int(layout.block_starts[-1])))
    grams += np.arange(len(SIZES))[:, None] << BUCKET_BITS
    rows = []
    starts, ends = layout.windows()
    for first, last in zip(starts[::every], ends[::every], strict=True):
        start, end = layout.block_starts[first], layout.block_starts[last]
        features, counts = np.unique(grams[:, start:end], return_counts=True)
        rows.append((features.astype(np.int32), (counts / np.sqrt(end - start)).astype(np.float32)))
    return rows


def trained(rows: Rows, labels: npt.NDArray[np.bool_], text_weights: Floats) -> Model:
    """The model for `labels`, one a text. The windows of a text share its weight; classes weigh the same together."""
    balanced = np.where(labels, text_weights / text_weights[labels].sum(), text_weights / text_weights[~labels].sum())
    windows = np.bincount(rows.owners, minlength=rows.texts)
    weights = (balanced / windows)[rows.owners] / 2
    signs = np.where(labels[rows.owners], 1.0, -1.0)

    def loss_and_gradient(point: Floats) -> tuple[float, Floats]:
        margins = signs * (rows.scores(point[:-1].astype(np.float32)) + point[-1])
        errors = -weights * signs / (1 + np.exp(np.minimum(margins, 500)))
        loss = (weights * np.logaddexp(0, -margins)).sum() + PENALTY / 2 * np.square(point[:-1]).sum()
        return float(loss), np.append(rows.gradient(errors) + PENALTY * point[:-1], errors.sum())

    point = np.zeros(FEATURES + 1)
    loss, gradient = loss_and_gradient(point)
    history: deque[tuple[Floats, Floats]] = deque(maxlen=_HISTORY)
    for _ in range(ITERATIONS_MAX):
        direction = _direction(gradient, history)
        step, slope = 1.0, float((gradient * direction).sum())
        while True:
            new_loss, new_gradient = loss_and_gradient(point - step * direction)
            if new_loss <= loss - 1e-4 * step * slope or step < 1e-6:
                break
            step /= 2
        history.append((-step * direction, new_gradient - gradient))
        improvement = loss - new_loss
        point, loss, gradient = point - step * direction, new_loss, new_gradient
        if improvement < IMPROVEMENT_MIN * loss:
            break
    return Model(point[:-1].astype(np.float32), float(point[-1]))


def _direction(gradient: Floats, history: deque[tuple[Floats, Floats]]) -> Floats:
    """The two-loop recursion of L-BFGS (Nocedal and Wright, Numerical Optimization, algorithm 7.4)."""
    if not history:
        unit: Floats = gradient / np.sqrt(np.square(gradient).sum())
        return unit
    direction: Floats = gradient.copy()
    factors = []
    for moved, changed in reversed(history):
        factor = (moved * direction).sum() / (moved * changed).sum()
        factors.append(factor)
        direction -= factor * changed
    moved, changed = history[-1]
    direction *= (moved * changed).sum() / np.square(changed).sum()
    for (moved, changed), factor in zip(history, reversed(factors), strict=True):
        direction += (factor - (changed * direction).sum() / (moved * changed).sum()) * moved
    return direction
