"""Clauses of contracts, by the wording of their kind: one kind alone says little, several close together a contract.

All markers are searched for by one Hyperscan database in the folded reading of the texts, and what it reports is
reckoned with in arrays: a text full of markers takes hardly longer than one without.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator, Sequence

import hyperscan
import numpy as np
import numpy.typing as npt

from gateway_ext.guard.catalog import CONFIDENTIAL
from gateway_ext.guard.confidential.clause_markers import MARKERS
from gateway_ext.guard.confidential.fold import folded
from gateway_ext.guard.confidential.phrases import expressions, phrase
from gateway_ext.guard.databases import compiled
from gateway_ext.guard.detector import Classifier, Kind, Span

CLAUSES_MIN = 3  # kinds of clause
REACH_CHARACTERS = 3000

_MARKER_CHARACTERS_MAX = 200  # with endings and gaps
_SEPARATOR = "\n0\n"  # folded a word of its own, which no marker has: none reaches from one text into the next
_CLAUSES = tuple(MARKERS)

Numbers = npt.NDArray[np.int64]


class ContractClassifier(Classifier):
    """A passage of at most REACH_CHARACTERS with markers of at least CLAUSES_MIN kinds; those that touch are one span.

    Confidence grows with the kinds: 0.7 for three, 0.9 for five. `value` lists the kinds.
    """

    kinds = (Kind("contract_clause", "2", CONFIDENTIAL),)

    def __init__(self) -> None:
        wordings = [
            b" (?:" + b"|".join(expression for marker in markers for expression in expressions(phrase(marker))) + b") "
            for markers in MARKERS.values()
        ]
        self._regexes = [re.compile(wording) for wording in wordings]
        self._database = compiled([(clause, wording, 0) for clause, wording in enumerate(wordings)])
        self._local = threading.local()

    def spans(self, texts: Sequence[str]) -> list[list[tuple[int, Span]]]:
        found: list[list[tuple[int, Span]]] = [[] for _ in texts]
        reading = folded(_SEPARATOR.join(("", *texts, "")))
        ends, clauses = self._markers(reading)
        if len(ends) < CLAUSES_MIN:
            return found
        firsts = np.cumsum([len(_SEPARATOR), *(len(text) + len(_SEPARATOR) for text in texts)])
        owners = np.searchsorted(firsts, ends, "right") - 1
        for low, high in _stretches(ends, clauses, firsts[owners]):
            first = int(firsts[owners[low]])
            start = self._start(reading, int(clauses[low]), int(ends[low]))
            names = sorted(_CLAUSES[clause] for clause in np.unique(clauses[low : high + 1]))
            confidence = min(0.95, 0.4 + 0.1 * len(names))
            found[owners[low]].append((0, Span(start - first, int(ends[high]) - first, confidence, " ".join(names))))
        return found

    def _markers(self, reading: bytes) -> tuple[Numbers, Numbers]:
        """Where markers end, in order, and of which clause they are."""
        ends: list[int] = []
        clauses: list[int] = []

        def note(clause: int, _start: int, end: int, _flags: int, _context: object) -> None:
            ends.append(end - 1)  # of the word, before the space
            clauses.append(clause)

        scratch: hyperscan.Scratch | None = getattr(self._local, "scratch", None)
        if scratch is None:  # one per thread, a shared one makes scans fail
            scratch = self._local.scratch = hyperscan.Scratch(self._database)
        self._database.scan(reading, match_event_handler=note, scratch=scratch)
        order = np.argsort(ends, kind="stable")
        return np.array(ends, np.int64)[order], np.array(clauses, np.int64)[order]

    def _start(self, reading: bytes, clause: int, end: int) -> int:
        """Where the marker that ends at `end` begins."""
        for match in self._regexes[clause].finditer(reading, max(0, end - _MARKER_CHARACTERS_MAX), end + 1):
            if match.end() == end + 1:
                return match.start() + 1
        return end


def _stretches(ends: Numbers, clauses: Numbers, firsts: Numbers) -> Iterator[tuple[int, int]]:
    """First and last marker of each stretch with enough kinds. `firsts` is where the text of a marker begins."""
    floors = np.maximum(ends - REACH_CHARACTERS, firsts)
    kinds = np.zeros(len(ends), np.int64)
    for clause in range(len(_CLAUSES)):
        latest = np.maximum.accumulate(np.where(clauses == clause, ends, -1))
        kinds += latest >= floors
    highs = np.flatnonzero(kinds >= CLAUSES_MIN)
    if len(highs) == 0:
        return
    lows = np.searchsorted(ends, floors[highs], "left")
    is_new = np.append(True, lows[1:] > highs[:-1])
    lasts = np.append(highs[:-1][is_new[1:]], highs[-1])
    yield from zip(lows[is_new].tolist(), lasts.tolist(), strict=True)
