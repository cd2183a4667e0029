"""Finds passages of registered documents in a text, by the shingles that they share."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gateway_ext.guard.catalog import CONFIDENTIAL
from gateway_ext.guard.confidential.fold import folded
from gateway_ext.guard.confidential.shingles import SHIFT, WINDOW, Hashes, K, Shingler, Shingles, normalized, offsets
from gateway_ext.guard.detector import Classifier, Kind, Span

SHARED_MIN = 3  # distinct shingles of one document: fewer are a phrase that two texts may have by chance
PASSAGE_SHINGLES = 12  # of some 200 letters and digits, a paragraph

_CELLS_PER_SHINGLE = 32  # of a bitmap
_CELL_BITS = (16, 28)  # least and most bits of the number of a cell


@dataclass(frozen=True, slots=True)
class RegisteredDocument:
    """`id` is 12 hexadecimal digits, the same for the same letters under the same key."""

    id: str
    label: str
    registered_unix_seconds: int
    shingles: Shingles


class DocumentClassifier(Classifier):
    """Immutable. Two bitmaps over different bits of a hash let one shingle in about a thousand of a foreign text pass.

    Confidence is 0.5, and up to 0.25 more each for how much of the span is the document's, and for how long that is:
    a few lines may be what everybody writes, such as the accessors of a class. `value` is the document's id.
    """

    kinds = (Kind("registered_document", "1", CONFIDENTIAL),)

    def __init__(self, documents: Sequence[RegisteredDocument], shingler: Shingler) -> None:
        self.documents = tuple(documents)
        self._shingler = shingler
        shingles = [document.shingles for document in documents]
        digests = np.concatenate([np.empty(0, np.uint64), *(each.digests for each in shingles)])
        owners = np.repeat(np.arange(len(shingles)), [len(each.digests) for each in shingles])
        order = np.argsort(digests, kind="stable")
        self._digests, self._owners = digests[order], owners[order]
        cell_bits = min(max((len(digests) * _CELLS_PER_SHINGLE).bit_length(), _CELL_BITS[0]), _CELL_BITS[1])
        self._coarse_shift = SHIFT + np.uint64(32 - cell_bits)
        self._mask = np.uint64((1 << cell_bits) - 1)
        marked = np.concatenate([np.empty(0, np.uint32), *(each.bits for each in shingles)]).astype(np.uint64) << SHIFT
        self._coarse = _bitmap(self._cells(marked, self._coarse_shift), cell_bits)
        self._fine = _bitmap(self._cells(marked, SHIFT), cell_bits)

    def spans(self, texts: Sequence[str]) -> list[list[tuple[int, Span]]]:
        found: list[list[tuple[int, Span]]] = [[] for _ in texts]
        if not self.documents:
            return found
        reading = folded("\n".join(texts))
        places, digests = self._candidates(normalized(reading))
        if len(places) < SHARED_MIN:
            return found
        original = offsets(reading)
        starts, ends = original[places], original[places + K - 1] + 1
        bounds = np.cumsum([0, *(len(text) + 1 for text in texts)])
        numbers = np.searchsorted(bounds, starts, side="right") - 1
        is_inside = ends < bounds[numbers + 1]  # a shingle of two texts joined is in neither
        with_shingles, at = np.unique(numbers[is_inside], return_index=True)
        for number, here in zip(with_shingles, np.split(np.flatnonzero(is_inside), at[1:]), strict=False):
            for first, last, document, confidence in self._shared(digests[here], places[here]):
                start, end = int(original[first] - bounds[number]), int(original[last + K - 1] - bounds[number]) + 1
                found[number].append((0, Span(start, end, round(confidence, 2), document.id)))
        return found

    def _candidates(self, letters: bytes) -> tuple[NDArray[np.intp], Hashes]:
        """Places in `letters` of the registered shingles, and their digests."""
        places: list[NDArray[np.intp]] = []
        passed: list[Hashes] = []
        for start, hashes in self._shingler.hashes(letters):
            at = _marked(self._coarse, self._cells(hashes, self._coarse_shift))
            at = at[_marked(self._fine, self._cells(hashes[at], SHIFT))]
            places.append(at + start)
            passed.append(hashes[at])
        if not any(map(len, places)):
            return np.empty(0, np.intp), np.empty(0, np.uint64)
        digests = self._shingler.digests(np.concatenate(passed))
        at = np.searchsorted(self._digests, digests)
        is_registered = self._digests[np.minimum(at, len(self._digests) - 1)] == digests
        return np.concatenate(places)[is_registered], digests[is_registered]

    def _cells(self, hashes: Hashes, shift: np.uint64) -> NDArray[np.intp]:
        return ((hashes >> shift) & self._mask).view(np.intp)

    def _shared(
        self, digests: Hashes, places: NDArray[np.intp]
    ) -> Iterator[tuple[int, int, RegisteredDocument, float]]:
        """Documents with enough of the shingles: places of the first and the last, and confidence.

        None within the stretch of a document that shares more.
        """
        distinct, first = np.unique(digests, return_index=True)
        _, last = np.unique(digests[::-1], return_index=True)
        low, high = np.searchsorted(self._digests, distinct), np.searchsorted(self._digests, distinct, side="right")
        copies = high - low
        pair = np.repeat(np.arange(len(distinct)), copies)
        owners = self._owners[np.repeat(low - np.cumsum(copies) + copies, copies) + np.arange(len(pair))]
        shared = np.bincount(owners, minlength=len(self.documents))
        begin, end = np.full(len(shared), np.iinfo(np.intp).max), np.zeros(len(shared), np.intp)
        np.minimum.at(begin, owners, places[first][pair])
        np.maximum.at(end, owners, places[::-1][last][pair])
        kept: list[tuple[int, int]] = []
        for document in np.argsort(-shared, kind="stable"):
            if shared[document] < SHARED_MIN:
                return
            start, stop = int(begin[document]), int(end[document])
            if not any(low <= start and stop <= high for low, high in kept):
                kept.append((start, stop))
                count, expected = int(shared[document]), (stop - start + 1) * 2 / (WINDOW + 1)
                confidence = 0.5 + 0.25 * min(1, count / expected) + 0.25 * min(1, count / PASSAGE_SHINGLES)
                yield start, stop, self.documents[document], confidence


def _bitmap(cells: NDArray[np.intp], cell_bits: int) -> NDArray[np.uint8]:
    marks = np.zeros(1 << cell_bits, np.bool_)
    marks[cells] = True
    return np.packbits(marks, bitorder="little")


def _marked(bitmap: NDArray[np.uint8], cells: NDArray[np.intp]) -> NDArray[np.intp]:
    """Which of `cells` are marked."""
    return np.flatnonzero((bitmap.take(cells >> 3) >> (cells & 7).astype(np.uint8)) & 1)
