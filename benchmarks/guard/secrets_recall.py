"""Recall of the detectors of credentials by family, of the Guard as the gateway runs it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from benchmarks.guard.scoring import Score
from benchmarks.guard.secrets_corpus import Case
from gateway_ext.guard.cache import Match


def family_scores(find: Callable[[str], Sequence[Match]], cases: Iterable[Case]) -> dict[str, Score]:
    """Family → values and how many were found, by the detector of that family and with exactly their span."""
    scores: dict[str, Score] = {}
    for case in cases:
        score = scores.setdefault(case.family, Score())
        score.values += 1
        score.found += (case.family, case.start, case.end) in {(m.kind.name, m.start, m.end) for m in find(case.text)}
    return dict(sorted(scores.items()))
