"""Shadow traffic: which requests are copied to which deployment of another model. Pure.

A copy goes nowhere its request could not have gone: what decides about the request decides about the copy, and it never goes
to a place less sovereign than the one that the request itself goes to first.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from gateway_ext.exchange import Candidate, Endpoint, Estimate
from gateway_ext.routing.context import window_tokens
from gateway_ext.routing.strategies import draw


@dataclass(frozen=True, slots=True)
class Shadow:
    """Of a virtual model: so large a `share` of its requests is sent to `model` as well. `payer`: the team; "": the caller's."""

    model: str
    share: float  # 0 … 1
    payer: str = ""


def is_sampled(exchange_id: str, shadow: Shadow) -> bool:
    """Whether this exchange is copied: the same answer for the same id, in every processor; a larger share keeps them all."""
    return draw(exchange_id, "shadow", shadow.model) < shadow.share


@dataclass(frozen=True, slots=True)
class Original:
    """The request as it goes out: first to `first`, in the wire format `written`; `asked` is its caller's.

    `context_tokens` is the window of the model that `first` belongs to.
    """

    first: Candidate
    written: Endpoint
    asked: Endpoint
    estimate: Estimate
    choices: int
    context_tokens: int


def destination(
    allowed: Iterable[Candidate], original: Original, context_tokens: int, tiers: tuple[str, ...]
) -> Candidate | None:
    """The first of `allowed`, deployments of a model with windows of `context_tokens`, that may have the copy, and can serve it.

    `tiers`: least sovereign first. None when no one may.
    """
    lowest = tiers.index(original.first.tier)
    for each in allowed:
        if (
            tiers.index(each.tier) >= lowest
            and each.cluster != original.first.cluster
            and _is_said_once(each, original)
            and _holds(window_tokens(each, context_tokens), original)
        ):
            return each
    return None


def _is_said_once(candidate: Candidate, original: Original) -> bool:
    """Nothing is translated twice: the copy is as written, or the caller's own words are translated."""
    wire = candidate.wire(original.asked)
    return wire is not None and original.written in (wire, original.asked)


def _holds(window: int, original: Original) -> bool:
    estimate = original.estimate
    needed = estimate.input_tokens + estimate.output_tokens // original.choices
    return window >= min(needed, window_tokens(original.first, original.context_tokens))
