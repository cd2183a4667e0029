"""From what a detector found, and what people say about it, to the mode it has earned: log → redact → block. Pure.

Precision is measured by values, not by hits: a chat repeats its history, so one value may be hundreds of hits. Marked
values are a sample of those found; the interval around their share is Wilson's (E. B. Wilson, JASA 22, 1927), which
holds for small samples and for shares near 1.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from gateway_ext.attachments import names as attachments
from gateway_ext.guard.catalog import HARMFUL, INJECTION
from gateway_ext.guard.rules import Action

OFF = "off"
"""Mode of a detector that policy has switched off."""

CONFIDENCE_Z = 1.96  # standard deviations: two-sided 95 %

_JUDGEMENTS_MAX = 1_000  # nobody judges more by hand


@dataclass(frozen=True, slots=True)
class Threshold:
    """What a mode takes: hits, and a lower bound of precision."""

    hits_min: int
    precision_min: float


THRESHOLDS: Mapping[str, Threshold] = MappingProxyType(
    {
        # A wrong redaction costs an answer its sense: four of five must surely be right (16 of 16 marked values say so).
        Action.REDACT: Threshold(hits_min=30, precision_min=0.80),
        Action.PSEUDONYMIZE: Threshold(hits_min=30, precision_min=0.80),
        # A wrong refusal stops somebody's work: nineteen of twenty (73 of 73 marked values).
        Action.BLOCK: Threshold(hits_min=100, precision_min=0.95),
    }
)

WHOLE_TEXT = frozenset(
    {"contract_clause", "label_classification", "label_mip", "label_tlp", "source_code", *attachments.NAMES}
)
"""Detectors whose findings say what the text or file around them is. Redacting a label takes the warning away, no more."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """Of one detector: `hits` in all, of `values` different ones, of which `right` and `wrong` ones were marked."""

    hits: int
    values: int
    right: int = 0
    wrong: int = 0

    @property
    def judged(self) -> int:
        return self.right + self.wrong

    @property
    def precision(self) -> float | None:
        """The share of right ones among the marked values; None when none was marked."""
        return self.right / self.judged if self.judged else None

    @property
    def bounds(self) -> tuple[float, float]:
        """Between which the precision of all values lies, with 95 % confidence."""
        return wilson_interval(self.right, self.judged)


@dataclass(frozen=True, slots=True)
class Suggestion:
    """`mode` is the present one when nothing should change."""

    mode: str
    reason: str


def wilson_interval(successes: int, trials: int, z: float = CONFIDENCE_Z) -> tuple[float, float]:
    """Wilson's score interval of a proportion; (0, 1) without trials."""
    if trials == 0:
        return 0.0, 1.0
    share, z2 = successes / trials, z * z
    centre = (share + z2 / (2 * trials)) / (1 + z2 / trials)
    margin = z / (1 + z2 / trials) * math.sqrt(share * (1 - share) / trials + z2 / (4 * trials * trials))
    return max(0.0, centre - margin), min(1.0, centre + margin)


def suggest(detector: str, data_class: str, mode: str, evidence: Evidence) -> Suggestion:
    """The next mode up when the evidence is enough for it, the next one down when it speaks against the present one."""
    if mode == OFF:
        return Suggestion(mode, "off; set it to log to gather evidence")
    lower, upper = evidence.bounds
    if mode in THRESHOLDS and upper < THRESHOLDS[mode].precision_min:
        wanted = THRESHOLDS[mode].precision_min
        below = Action.REDACT if mode == Action.BLOCK and not _skips_redact(detector, data_class) else Action.LOG
        return Suggestion(below, f"precision is at most {upper:.2f}, but {mode} needs {wanted:.2f}")
    if mode == Action.BLOCK:
        return Suggestion(mode, "the last mode; no marks speak against it")
    target = Action.BLOCK if mode != Action.LOG or _skips_redact(detector, data_class) else Action.REDACT
    missing = _missing(evidence, target, lower, upper)
    if missing:
        return Suggestion(mode, missing)
    return Suggestion(
        target, f"precision is at least {lower:.2f} ({evidence.right} of {evidence.judged} marked values)"
    )


def _skips_redact(detector: str, data_class: str) -> bool:
    """Whether the finding is a sign of what the whole text is or wants, so that cutting it out makes nothing better."""
    return detector in WHOLE_TEXT or data_class in {INJECTION, HARMFUL}


def _missing(evidence: Evidence, target: Action, lower: float, upper: float) -> str:
    """What is missing for `target`; nothing is the empty text."""
    wanted = THRESHOLDS[target]
    if evidence.hits < wanted.hits_min:
        return f"{target} needs {wanted.hits_min} hits"
    if lower >= wanted.precision_min:
        return ""
    if upper < wanted.precision_min:
        return f"precision is at most {upper:.2f}, but {target} needs {wanted.precision_min:.2f}"
    more = _judgements_missing(evidence, wanted.precision_min)
    if more > evidence.values - evidence.judged:
        return (
            f"{target} needs {more} more values marked true, but only {evidence.values - evidence.judged} are unmarked"
        )
    return f"{target} needs {more} more values marked true"


def _judgements_missing(evidence: Evidence, precision_min: float) -> int:
    """How many more values have to be marked, all of them right, to reach a lower bound."""
    for more in range(1, _JUDGEMENTS_MAX):
        if wilson_interval(evidence.right + more, evidence.judged + more)[0] >= precision_min:
            return more
    return _JUDGEMENTS_MAX
