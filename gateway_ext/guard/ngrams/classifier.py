"""The n-gram model as a classifier of the Guard.

Speed comes from adding the weights of eight heads at once, in one 64-bit word: one look-up serves them all. The weights
of both n-grams at a position add up within 8 bits, those of a block within 16. The model sees windows of about a kilobyte, so that an attack in a long text is not diluted.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from itertools import groupby
from operator import itemgetter

import numpy as np
import numpy.typing as npt

from gateway_ext.errors import ConfigurationError
from gateway_ext.guard.catalog import CONFIDENTIAL, HARMFUL, INJECTION
from gateway_ext.guard.detector import Classifier, Kind, Span
from gateway_ext.guard.ngrams.grams import SIZES, Layout, hashed
from gateway_ext.guard.ngrams.weights import HEADS, SHA256, WEIGHT_MAX, Weights, load

BYTES_MIN = 24  # shorter texts say too little
VERSION = SHA256[:8]

_LANES = 8
_EVEN_LANES, _TO_EVEN = np.uint64(0x00FF_00FF_00FF_00FF), np.uint64(8)
_STEP_POSITIONS = 16 * 1024  # intermediate results stay in the second-level cache
_CLASSES = {"injection_model": INJECTION, "source_code": CONFIDENTIAL}

Words = npt.NDArray[np.uint64]
Scores = npt.NDArray[np.float64]


class NgramClassifier(Classifier):
    """Judges by those heads that `names` names; the others cost nothing.

    Raises ConfigurationError for a name that is not in HEADS, and when the weights are not those of this version.
    """

    def __init__(self, names: Collection[str], weights: Weights | None = None) -> None:
        unknown = sorted(set(names) - set(HEADS))
        if unknown:
            raise ConfigurationError(f"the n-gram model does not judge {', '.join(unknown)}, only {', '.join(HEADS)}")
        heads = [index for index, name in enumerate(HEADS) if name in names]
        self.kinds = tuple(Kind(HEADS[head], VERSION, _CLASSES.get(HEADS[head], HARMFUL)) for head in heads)
        weights = weights or load()
        self._tables = [_packed(weights.tables[heads[at : at + _LANES]]) for at in range(0, len(heads), _LANES)]
        self._scale, self._bias = weights.scale[heads], weights.bias[heads]
        self._threshold = weights.threshold[heads]
        self._slope, self._intercept = weights.slope[heads], weights.intercept[heads]

    def spans(self, texts: Sequence[str]) -> list[list[tuple[int, Span]]]:
        """For each text the windows that reach a head's threshold; neighbouring ones are one finding."""
        found: list[list[tuple[int, Span]]] = [[] for _ in texts]
        encoded = [text.encode("utf-8", "replace") for text in texts]
        judged = [index for index, content in enumerate(encoded) if len(content) >= BYTES_MIN]
        if not judged or not self.kinds:
            return found
        layout = Layout.of([encoded[index] for index in judged])
        starts, ends, scores = self.scores(layout)
        reached = scores >= self._threshold
        if reached.any():
            rows = self._findings(layout, starts, ends, scores, reached)
            for text, group in groupby(sorted(rows), key=itemgetter(0)):
                index, of_text = judged[text], list(group)
                points = _code_points(encoded[index], {offset for row in of_text for offset in row[2:4]})
                for _, kind, start, end, confidence in of_text:
                    first, last = points[start], points[end]
                    found[index].append((kind, Span(first, last, confidence, texts[index][first:last])))
        return found

    def scores(self, layout: Layout) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], Scores]:
        """First block, block behind the last and score by kind of each window."""
        starts, ends = layout.windows()
        sums = np.zeros((len(layout.block_starts), len(self._tables) * _LANES), np.int64)
        np.cumsum(self._block_sums(layout), axis=0, out=sums[1:])
        positions = (layout.block_starts.take(ends) - layout.block_starts.take(starts))[:, None]
        in_windows = (sums.take(ends, 0) - sums.take(starts, 0))[:, : len(self.kinds)]
        in_windows -= len(SIZES) * (WEIGHT_MAX + 1) * positions
        return starts, ends, in_windows * self._scale / np.sqrt(positions) + self._bias

    def _findings(
        self,
        layout: Layout,
        starts: npt.NDArray[np.int64],
        ends: npt.NDArray[np.int64],
        scores: Scores,
        reached: npt.NDArray[np.bool_],
    ) -> Iterator[tuple[int, int, int, int, float]]:
        """Text, kind, first byte, byte behind the last and confidence of each run of windows that touch."""
        kinds, windows = np.nonzero(reached.T)
        texts = np.searchsorted(layout.first_blocks, starts[windows], "right") - 1
        is_new = np.ones(len(windows), bool)
        is_new[1:] = (kinds[1:] != kinds[:-1]) | (texts[1:] != texts[:-1]) | (starts[windows[1:]] > ends[windows[:-1]])
        firsts = np.flatnonzero(is_new)
        lasts = np.append(firsts[1:], len(windows)) - 1
        highest = np.maximum.reduceat(scores[windows, kinds], firsts)
        kinds, texts = kinds[firsts], texts[firsts]
        confidences = 1 / (1 + np.exp(-(self._slope[kinds] * highest + self._intercept[kinds])))
        first_bytes, last_bytes = layout.bytes_of(texts, starts[windows[firsts]], ends[windows[lasts]])
        columns = (texts, kinds, first_bytes, last_bytes, confidences)
        yield from zip(*(column.tolist() for column in columns), strict=True)

    def _block_sums(self, layout: Layout) -> npt.NDArray[np.uint16]:
        steps = [self._step(layout, first, last) for first, last in _steps(layout.block_starts)]
        return steps[0] if len(steps) == 1 else np.concatenate(steps)

    def _step(self, layout: Layout, first: int, last: int) -> npt.NDArray[np.uint16]:
        block_starts = layout.block_starts[first : last + 1]
        start = int(block_starts[0])
        fours, eights = hashed(layout.buffer, start, int(block_starts[-1]))
        within = block_starts[:-1] - start
        groups = [_added(of_fours, of_eights, fours, eights, within) for of_fours, of_eights in self._tables]
        return groups[0] if len(groups) == 1 else np.concatenate(groups, axis=1)


def _steps(block_starts: npt.NDArray[np.int64]) -> Iterator[tuple[int, int]]:
    """Ranges of blocks of about _STEP_POSITIONS."""
    first, blocks = 0, len(block_starts) - 1
    while first < blocks:
        last = blocks
        if block_starts[-1] - block_starts[first] > _STEP_POSITIONS:
            reach = np.searchsorted(block_starts, block_starts[first] + _STEP_POSITIONS, "right")
            last = max(first + 1, int(reach) - 1)
        yield first, last
        first = last


def _packed(tables: npt.NDArray[np.int8]) -> tuple[Words, Words]:
    """Tables of up to eight heads as words of eight lanes; weights become positive, so that no lane borrows."""
    lanes = np.zeros((*tables.shape[1:], _LANES), np.uint8)
    lanes[..., : len(tables)] = np.moveaxis(tables, 0, -1).astype(np.int16) + WEIGHT_MAX + 1
    fours, eights = lanes.view("<u8")[..., 0]
    return np.ascontiguousarray(fours), np.ascontiguousarray(eights)


def _added(
    of_fours: Words,
    of_eights: Words,
    fours: npt.NDArray[np.int64],
    eights: npt.NDArray[np.int64],
    starts: npt.NDArray[np.int64],
) -> npt.NDArray[np.uint16]:
    """The sum of each block, by lane."""
    words = of_fours.take(fours, mode="wrap")  # all are in range, and so they are not checked
    words += of_eights.take(eights, mode="wrap")
    sums = np.empty((len(starts), 4, 2), "<u2")
    odd = words >> _TO_EVEN
    for side, lanes in enumerate((words, odd)):
        np.bitwise_and(lanes, _EVEN_LANES, out=lanes)
        sums[:, :, side] = np.add.reduceat(lanes, starts).view("<u2").reshape(-1, 4)
    return sums.reshape(-1, _LANES)


def _code_points(content: bytes, offsets: Collection[int]) -> dict[int, int]:
    """For each offset in bytes that in code points."""
    if content.isascii():
        return {offset: min(offset, len(content)) for offset in offsets}
    begins = np.frombuffer(content, np.int8) >= -0x40  # all but continuation bytes
    points: dict[int, int] = {}
    position = count = 0
    for offset in sorted(offsets):
        count += int(np.count_nonzero(begins[position:offset]))
        position, points[offset] = offset, count
    return points
