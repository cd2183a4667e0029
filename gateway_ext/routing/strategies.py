"""In which order a request's deployments are tried. Pure: the same request and readings always give the same order.

An order never adds or removes a deployment: what a request may use has been decided before, and whatever does not come
first is what Envoy falls back to.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from gateway_ext.exchange import Candidate, Estimate, Prompt, Usage
from gateway_ext.limits import USAGE_ESTIMATE_BYTES_PER_TOKEN
from gateway_ext.routing.complexity import score
from gateway_ext.routing.measured import Health, Reading

PROBED_SHARE = 0.1  # of the requests that come while a deployment is tried again after failures

_Order = list[Candidate]
_Readings = Mapping[str, Reading]


class By(StrEnum):
    PRIORITY = "priority"
    WEIGHTED = "weighted"
    CHEAPEST = "cheapest"
    FASTEST = "fastest"
    COMPLEXITY = "complexity"


class StickyBy(StrEnum):
    """What keeps its deployment where traffic is split."""

    CALLER = "caller"
    CONVERSATION = "conversation"
    NONE = "none"


class Measure(StrEnum):
    FIRST_BYTE = "first_byte"
    WHOLE = "whole"


class Difficulty(StrEnum):
    SIMPLE = "simple"
    COMPLEX = "complex"


@dataclass(frozen=True, slots=True)
class Strategy:
    """Of one virtual model. `salt` is its name: who is in the canary of one model need not be in that of another."""

    by: By = By.PRIORITY
    salt: str = ""
    sticky_by: StickyBy = StickyBy.CALLER  # by weight
    measure: Measure = Measure.FIRST_BYTE  # by speed
    explored_share: float = 0.05  # by speed: of the requests, that measure another than the fastest
    complex_from: float = 0.5  # by complexity: the least score of a complex request
    suits: Mapping[str, Difficulty] = field(default_factory=dict)  # by complexity: clusters that are for one kind only


@dataclass(frozen=True, slots=True)
class Asked:
    """What of a request its order rests on. `conversation` empty: not known, its caller stands for it."""

    exchange_id: str
    caller: str  # issuer and subject, or whatever tells callers apart
    prompt: Prompt
    estimate: Estimate
    conversation: bytes = b""


Measured = Callable[[str], Reading]
"""The readings of a cluster, at this moment."""

Cost = Callable[[str, Usage], int]
"""What so much usage costs at a cluster, in nano-units."""


def order(
    strategy: Strategy, candidates: Sequence[Candidate], asked: Asked, measured: Measured, cost_nano: Cost
) -> tuple[tuple[Candidate, ...], str]:
    """All `candidates`, as they are to be tried, and the reason for the audit trail; "" when they stay as written."""
    if len(candidates) < 2:
        return tuple(candidates), ""
    readings = {candidate.cluster: measured(candidate.cluster) for candidate in candidates}
    match strategy.by:
        case By.PRIORITY:
            ordered, reason = list(candidates), ""
        case By.WEIGHTED:
            ordered, reason = _weighted(strategy, candidates, asked), "strategy:weighted"
        case By.CHEAPEST:
            ordered, reason = _cheapest(candidates, asked, readings, cost_nano), "strategy:cheapest"
        case By.FASTEST:
            ordered, reason = _fastest(strategy, candidates, asked, readings)
        case By.COMPLEXITY:
            ordered, reason = _suitable(strategy, candidates, asked)
    healthy = _failing_last(ordered, asked, readings)
    if healthy != ordered:
        reason = f"{reason or 'strategy:priority'}+health"
    return tuple(healthy), reason


def _weighted(strategy: Strategy, candidates: Sequence[Candidate], asked: Asked) -> _Order:
    """One to the front by weight, the rest as written.

    Weighted rendezvous hashing (Schindelhauer and Schomaker 2005): raising a weight only moves keys to that deployment,
    and a deployment that is left out moves only its own. Nothing is remembered, so all processors agree.
    """
    key = _sticky_key(strategy.sticky_by, asked)

    def height(candidate: Candidate) -> float:
        return candidate.weight / -math.log(draw(strategy.salt, candidate.cluster, key))

    return _to_front(candidates, max(candidates, key=height))


def _sticky_key(sticky_by: StickyBy, asked: Asked) -> bytes:
    match sticky_by:
        case StickyBy.CALLER:
            return asked.caller.encode("utf-8", "surrogatepass")
        case StickyBy.CONVERSATION:
            return asked.conversation or asked.caller.encode("utf-8", "surrogatepass")
        case StickyBy.NONE:
            return asked.exchange_id.encode()


def _cheapest(candidates: Sequence[Candidate], asked: Asked, readings: _Readings, cost_nano: Cost) -> _Order:
    """By what this request will probably cost; equally cheap ones as written."""
    input_tokens, output_tokens = _expected_tokens(asked, readings.values())

    def cost(candidate: Candidate) -> int:
        served_ns = round(readings[candidate.cluster].duration_ns or 0)
        return cost_nano(candidate.cluster, Usage(input_tokens, output_tokens, served_ns=served_ns))

    return sorted(candidates, key=cost)


def _expected_tokens(asked: Asked, readings: Iterable[Reading]) -> tuple[int, int]:
    """Input and output, the same wherever it goes: below the bounds, which nobody but a budget takes for likely."""
    bound, size_bytes = asked.estimate.input_tokens, asked.prompt.body_bytes
    attached = max(0, bound - size_bytes)
    input_tokens = min(bound, attached + -(-size_bytes // USAGE_ESTIMATE_BYTES_PER_TOKEN))
    usual = [reading.output_tokens for reading in readings if reading.output_tokens is not None]
    output_tokens = asked.estimate.output_tokens
    return input_tokens, min(output_tokens, math.ceil(sum(usual) / len(usual))) if usual else output_tokens


def _fastest(
    strategy: Strategy, candidates: Sequence[Candidate], asked: Asked, readings: _Readings
) -> tuple[_Order, str]:
    """By measured time. What has not been measured keeps its place, so a cold start is the order as written."""
    times = [_time_ns(readings[candidate.cluster], strategy.measure) for candidate in candidates]
    known = iter(
        sorted((i for i, time_ns in enumerate(times) if time_ns is not None), key=lambda i: times[i] or 0.0)
    )  # sorted is stable: equally fast ones as written
    ordered = [candidate if times[i] is None else candidates[next(known)] for i, candidate in enumerate(candidates)]
    drawn = draw(asked.exchange_id, "explore")
    if drawn < strategy.explored_share:
        others = ordered[1:]
        explored = others[int(drawn / strategy.explored_share * len(others))]
        return _to_front(ordered, explored), "strategy:fastest+explored"
    return ordered, "strategy:fastest"


def _time_ns(reading: Reading, measure: Measure) -> float | None:
    return reading.first_byte_ns if measure is Measure.FIRST_BYTE else reading.duration_ns


def _suitable(strategy: Strategy, candidates: Sequence[Candidate], asked: Asked) -> tuple[_Order, str]:
    """Those for requests of this kind, and those for any, before the others."""
    is_complex = score(asked.prompt) >= strategy.complex_from
    kind = Difficulty.COMPLEX if is_complex else Difficulty.SIMPLE
    ordered = sorted(candidates, key=lambda candidate: strategy.suits.get(candidate.cluster, kind) is not kind)
    return ordered, f"strategy:complexity:{kind}"


def _failing_last(ordered: _Order, asked: Asked, readings: _Readings) -> _Order:
    """What has failed lately behind what has not; after a while some requests try it again where it stood."""

    def is_avoided(candidate: Candidate) -> bool:
        match readings[candidate.cluster].health:
            case Health.WELL:
                return False
            case Health.FAILING:
                return True
            case Health.ON_PROBATION:
                return draw(asked.exchange_id, candidate.cluster) >= PROBED_SHARE

    return sorted(ordered, key=is_avoided)


def _to_front(candidates: Sequence[Candidate], first: Candidate) -> _Order:
    return [first, *(candidate for candidate in candidates if candidate is not first)]


def draw(*parts: str | bytes) -> float:
    """A number between 0 and 1, both excluded, that depends on nothing but `parts`."""
    digest = hashlib.blake2b(digest_size=8)
    for part in parts:
        content = part.encode("utf-8", "surrogatepass") if isinstance(part, str) else part
        digest.update(len(content).to_bytes(4))
        digest.update(content)
    return ((int.from_bytes(digest.digest()) >> 12) + 0.5) / 2**52
