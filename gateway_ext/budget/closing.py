"""A stored hold and what is said about its end → what the books say then. Pure; the same for every store."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from gateway_ext.budget.prices import Price
from gateway_ext.budget.rules import Settled
from gateway_ext.budget.settle import Closing, Evidence, evidence, priced
from gateway_ext.exchange import Usage


@dataclass(frozen=True, slots=True)
class StoredHold:
    """A hold as a store has it. `cost_nano` is what is posted for it now."""

    id: str
    state: str
    amount_nano: int
    currency: str
    prices: Mapping[str, Price]
    cost_nano: int
    cluster: str
    usage: Usage | None
    settled_by: str
    flags: tuple[str, ...]


def closed(hold: StoredHold, closing: Closing) -> Settled:
    """What the hold is to be: `is_first` when the store has to be changed, else what it is already."""
    in_force = evidence(hold.state, hold.usage)
    closing, cost_nano = priced(closing, hold.amount_nano, hold.prices)
    if evidence(closing.state, closing.usage) <= in_force:
        return Settled(
            hold.id,
            hold.state,
            hold.usage,
            hold.cost_nano,
            hold.currency,
            hold.settled_by,
            False,
            hold.cluster,
            hold.flags,
        )
    flags = closing.flags if in_force is Evidence.NONE else (*closing.flags, "corrected")
    return Settled(
        hold.id,
        closing.state,
        closing.usage,
        cost_nano,
        hold.currency,
        closing.settled_by,
        True,
        closing.cluster,
        flags,
    )
