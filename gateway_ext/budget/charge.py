"""What an ended exchange costs: pure judgement of an outcome. Nobody pays for errors; nobody rides for free."""

from __future__ import annotations

from dataclasses import dataclass

from gateway_ext.exchange import Estimate, Outcome, Usage
from gateway_ext.limits import USAGE_ESTIMATE_BYTES_PER_TOKEN


@dataclass(frozen=True, slots=True)
class Charge:
    usage: Usage
    flags: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class NoCharge:
    reason: str


def judge(outcome: Outcome, bounds: Estimate) -> Charge | NoCharge:
    """What to post for `outcome`, or why nothing is due. `bounds` are what was reserved; estimates never exceed them."""
    if not outcome.cluster:
        return NoCharge("no_upstream")
    if outcome.http_status >= 400:
        return NoCharge("upstream_error")
    if outcome.usage is not None:
        return Charge(outcome.usage, outcome.flags)
    # A stream that was cut, a client that went away, a provider that does not say: the tokens were produced all the same.
    usage = estimated(outcome.request_bytes, outcome.response_bytes, bounds)
    return Charge(usage, (*outcome.flags, "usage_estimated"))


def estimated(request_bytes: int, response_bytes: int, bounds: Estimate) -> Usage:
    """A usage nobody reported, from what went over the wire; never above what was reserved."""
    return Usage(
        input_tokens=min(bounds.input_tokens, _tokens(request_bytes)),
        output_tokens=min(bounds.output_tokens, _tokens(response_bytes)),
        is_estimated=True,
    )


def _tokens(size_bytes: int) -> int:
    return -(-size_bytes // USAGE_ESTIMATE_BYTES_PER_TOKEN)
