"""How deployments of one model have done with like requests, and whether one may get more of them. Pure."""

from __future__ import annotations

import math
from array import array
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from gateway_ext.cli.routing_trail import Ended, Exchange
from gateway_ext.guard.graduation import wilson_interval

CONFIDENCE_Z = 1.645  # standard deviations: one-sided 95 %
ANSWERS_MIN = 200  # of each side, for a 95th percentile to mean something: 10 of them are above it
SLOWER_MAX = 1.2  # times the baseline's 95th percentile

_BROKEN = frozenset({"timeout", "upstream_reset", "upstream_protocol_error"})


@dataclass(slots=True)
class Tally:
    """Of the requests that one deployment was first in line for, and that have ended."""

    requests: int = 0
    errors: int = 0
    refused: int = 0
    withheld: int = 0
    findings: int = 0
    tokens: int = 0
    cost_nano: int = 0
    durations_ns: array[int] = field(default_factory=lambda: array("q"))  # of those answered
    first_bytes_ns: array[int] = field(default_factory=lambda: array("q"))

    def add(self, exchange: Exchange, ended: Ended) -> None:
        """One that was sent to exchange.clusters[0] first."""
        is_withheld = exchange.inspected is not None and exchange.inspected.is_withheld
        self.requests += 1
        self.withheld += is_withheld
        self.findings += exchange.inspected.findings if exchange.inspected is not None else 0
        self.tokens += ended.tokens
        self.cost_nano += ended.cost_nano
        if is_withheld:  # what is told the caller then is our status, not the provider's
            return
        is_broken = ended.http_status >= 500 or ended.http_status == 429 or not _BROKEN.isdisjoint(ended.flags)
        if is_broken or (ended.cluster and ended.cluster != exchange.clusters[0]):
            self.errors += 1
        elif ended.http_status >= 400:
            self.refused += 1
        if 200 <= ended.http_status < 300:
            self.durations_ns.append(ended.duration_ns)
            self.first_bytes_ns.append(ended.first_byte_ns)


@dataclass(frozen=True, slots=True)
class Comparison:
    """`tallies` by deployment, the baseline first. Of the requests that are not in them: `not_comparable` could not have gone to
    all these deployments, or were charged in another currency; `unended` have no outcome in the trail."""

    tallies: dict[str, Tally]
    currency: str
    not_comparable: int
    unended: int


class Verdict(StrEnum):
    GO_UP = "go up"
    WAIT = "wait"
    GO_BACK = "go back"


@dataclass(frozen=True, slots=True)
class Judgement:
    verdict: Verdict
    reasons: tuple[str, ...]


def compared(exchanges: Iterable[Exchange], baseline: str = "", only: Sequence[str] = ()) -> Comparison:
    """Deployments that were first in line for something, or those of them in `only`, on requests that all of them may have had.

    The baseline, if none is named, is the one that was first in line most often.
    """
    routed = [exchange for exchange in exchanges if exchange.clusters]
    firsts = Counter(exchange.clusters[0] for exchange in routed)
    names = {name for name in firsts if not only or name in only}
    baseline = baseline or max(sorted(names), key=firsts.__getitem__, default="")
    tallies = {name: Tally() for name in sorted(names | {baseline}, key=lambda name: (name != baseline, name)) if name}
    not_comparable = unended = 0
    currency = ""
    for exchange in routed:
        if not tallies.keys() <= set(exchange.clusters) or exchange.clusters[0] not in tallies:
            not_comparable += 1
        elif exchange.ended is None:
            unended += 1
        elif currency and exchange.ended.currency not in ("", currency):  # of the book, once
            not_comparable += 1
        else:
            tallies[exchange.clusters[0]].add(exchange, exchange.ended)
            currency = currency or exchange.ended.currency
    return Comparison(tallies, currency, not_comparable, unended)


def judged(canary: Tally, baseline: Tally, margin: float) -> Judgement:
    """Whether `canary` may get more traffic. `margin`: by how much its rates of errors may be higher, a share of 1."""
    worse: list[str] = []
    unsure: list[str] = []
    for name in ("errors", "withheld"):
        counts = (getattr(canary, name), canary.requests, getattr(baseline, name), baseline.requests)
        lower, upper = difference_bounds(*counts)
        if lower > 0:
            worse.append(f"{name} are higher by at least {_percent(lower)}")
        elif upper > margin:
            unsure.append(f"{name} may be higher by up to {_percent(upper)}, {_percent(margin)} is the margin")
    fewest = min(len(canary.durations_ns), len(baseline.durations_ns))
    if fewest < ANSWERS_MIN:
        unsure.append(f"{fewest} of {ANSWERS_MIN} answers that times take on each side")
    else:
        ratio = percentile(canary.durations_ns, 95) / max(1, percentile(baseline.durations_ns, 95))
        if ratio > SLOWER_MAX:
            worse.append(f"p95 is {_percent(ratio - 1)} longer, {_percent(SLOWER_MAX - 1)} is the limit")
    if worse:
        return Judgement(Verdict.GO_BACK, tuple(worse))
    return Judgement(Verdict.WAIT, tuple(unsure)) if unsure else Judgement(Verdict.GO_UP, ())


def difference_bounds(hits: int, trials: int, other_hits: int, other_trials: int) -> tuple[float, float]:
    """Bounds of the first share less the second, each with 95 % confidence; (-1, 1) without trials on a side.

    Newcombe, "Interval estimation for the difference between independent proportions", Statistics in Medicine 17, 1998: the
    hybrid score interval (method 10).
    """
    if not trials or not other_trials:
        return -1.0, 1.0
    share, other = hits / trials, other_hits / other_trials
    lower, upper = wilson_interval(hits, trials, CONFIDENCE_Z)
    other_lower, other_upper = wilson_interval(other_hits, other_trials, CONFIDENCE_Z)
    below = math.hypot(share - lower, other_upper - other)
    above = math.hypot(upper - share, other - other_lower)
    return share - other - below, share - other + above


def percentile(values: Sequence[int], percent: int) -> int:
    """The nearest-rank percentile; 0 of nothing."""
    return sorted(values)[max(0, math.ceil(len(values) * percent / 100) - 1)] if values else 0


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"
