"""Clauses of contracts, by the wording of their kind: one kind alone says little, several close together a contract."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterator, Sequence
from itertools import groupby

from gateway_ext.guard.catalog import CONFIDENTIAL
from gateway_ext.guard.confidential.clause_markers import MARKERS
from gateway_ext.guard.confidential.phrases import PhraseIndex, PhraseMatch, phrase
from gateway_ext.guard.detector import Classifier, Kind, Span

CLAUSES_MIN = 3  # kinds of clause
REACH_CHARACTERS = 3000


class ContractClassifier(Classifier):
    """A passage of at most REACH_CHARACTERS with markers of at least CLAUSES_MIN kinds; those that touch are one span.

    Confidence grows with the kinds: 0.7 for three, 0.9 for five. `value` lists the kinds.
    """

    kinds = (Kind("contract_clause", "1", CONFIDENTIAL),)

    def __init__(self) -> None:
        self._clauses = [clause for clause, markers in MARKERS.items() for _ in markers]
        self._index = PhraseIndex([phrase(marker) for markers in MARKERS.values() for marker in markers])

    def spans(self, texts: Sequence[str]) -> list[list[tuple[int, Span]]]:
        found: list[list[tuple[int, Span]]] = [[] for _ in texts]
        for text, matches in groupby(self._index.matches(texts), key=lambda match: match.text):
            found[text] = [(0, span) for span in self._passages(list(matches))]
        return found

    def _passages(self, matches: Sequence[PhraseMatch]) -> Iterator[Span]:
        start = end = 0
        clauses: set[str] = set()
        for low, high, kinds in self._dense(matches):
            if clauses and low > end:
                yield _span(start, end, clauses)
                clauses = set()
            start = start if clauses else low
            end = max(end, high)
            clauses |= kinds
        if clauses:
            yield _span(start, end, clauses)

    def _dense(self, matches: Sequence[PhraseMatch]) -> Iterator[tuple[int, int, set[str]]]:
        """For each match the stretch before it, if it has enough kinds: start, end, kinds."""
        near: deque[PhraseMatch] = deque()
        count: Counter[str] = Counter()
        for match in matches:
            near.append(match)
            count[self._clauses[match.phrase]] += 1
            while match.end - near[0].start > REACH_CHARACTERS:
                left = self._clauses[near.popleft().phrase]
                count[left] -= 1
                if not count[left]:
                    del count[left]
            if len(count) >= CLAUSES_MIN:
                yield near[0].start, match.end, set(count)


def _span(start: int, end: int, clauses: set[str]) -> Span:
    return Span(start, end, min(0.95, 0.4 + 0.1 * len(clauses)), " ".join(sorted(clauses)))
