"""Closing a hold: what it costs, and which of several statements about the same request counts.

The end of a request may be told several times and in any order: by the response, by Envoy's access log, by the
sweeper. A statement counts only when it rests on stronger evidence than the one in force, so that any order and any
repetition ends with the same books:

    presumed    the hold outlived its time: its whole amount is taken as spent      (expire)
    stated      the end is known but no figures: void, or posted in full            (void, post without usage)
    estimated   figures from what went over the wire                                (post with estimated usage)
    reported    the provider's figures; final                                       (post with usage)

Of two statements of the same strength the first one counts.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum

from gateway_ext.budget.prices import Price
from gateway_ext.exchange import Usage

AMOUNT_NANO_MAX = 10**18  # a thousand million units; sums of several stay within SQL's 64-bit integers
TOP_UP_NANO_MAX = 10**15  # a million units; a thousand of them at a time stay within SQL's integers
TOKENS_MAX = 10**12  # of one request

HELD, POSTED, VOID, EXPIRED = "held", "posted", "void", "expired"


class Evidence(IntEnum):
    NONE = 0
    PRESUMED = 1
    STATED = 2
    ESTIMATED = 3
    REPORTED = 4


@dataclass(frozen=True, slots=True)
class Closing:
    """One statement about how a request ended. `state` is posted, void or expired."""

    state: str
    usage: Usage | None
    cluster: str
    settled_by: str
    flags: tuple[str, ...]


def evidence(state: str, usage: Usage | None) -> Evidence:
    """What a hold in `state`, settled with `usage`, rests on."""
    if state == HELD:
        return Evidence.NONE
    if state == EXPIRED:
        return Evidence.PRESUMED
    if usage is None:
        return Evidence.STATED
    return Evidence.ESTIMATED if usage.is_estimated else Evidence.REPORTED


def priced(closing: Closing, amount_nano: int, prices: Mapping[str, Price]) -> tuple[Closing, int]:
    """The closing with its final flags, and its cost in nano-units.

    Flags added: `usage_estimated` (the figures are not the provider's), `usage_implausible` (the provider's figures
    cannot be true and are not used), `cluster_unknown` (no price pinned for it: the dearest pinned one is used),
    `over_hold` (the cost exceeds what was held; it is charged in full).
    """
    if closing.state == VOID:
        return closing, 0
    flags = list(closing.flags)
    if closing.state == EXPIRED:
        return _with(closing, None, [*flags, "recovered", "usage_estimated"]), amount_nano
    choices = [prices[closing.cluster]] if closing.cluster in prices else list(prices.values())
    if closing.cluster not in prices:
        flags.append("cluster_unknown")
    usage = closing.usage
    cost_nano = amount_nano if usage is None else max(price.cost_nano(usage) for price in choices)
    if usage is not None and not _is_plausible(usage, cost_nano):
        usage, cost_nano = None, amount_nano
        flags.append("usage_implausible")
    if usage is None or usage.is_estimated:
        flags.append("usage_estimated")
    if cost_nano > amount_nano:
        flags.append("over_hold")
    return _with(closing, usage, flags), cost_nano


def _with(closing: Closing, usage: Usage | None, flags: list[str]) -> Closing:
    return Closing(closing.state, usage, closing.cluster, closing.settled_by, tuple(dict.fromkeys(flags)))


def _is_plausible(usage: Usage, cost_nano: int) -> bool:
    counts = (usage.input_tokens, usage.output_tokens, usage.cached_input_tokens, *usage.kinds().values())
    return min(counts) >= 0 and max(counts) <= TOKENS_MAX and 0 <= cost_nano <= AMOUNT_NANO_MAX
