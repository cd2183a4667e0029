"""Quotas as the functions of ledger_1.sql take and settle them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from gateway_ext.budget.quotas import QuotaLine, State, left, limited, used_step
from gateway_ext.budget.rules import Reservation, Settled
from gateway_ext.budget.settle import VOID
from gateway_ext.budget.stored import quotas_from_json
from gateway_ext.errors import RateLimited
from gateway_ext.quota import Quota


def asked(lines: Sequence[QuotaLine]) -> list[dict[str, Any]]:
    """What `reserve` is to take."""
    return [
        {
            "key": line.key,
            "step": min(line.step, line.room + 1),  # more than there ever is, within SQL's integers
            "is_held": line.is_held,
            "room": line.room,
        }
        for line in lines
    ]


def told(reservation: Reservation, states: str | None) -> tuple[Quota, ...]:
    """What `reserve` says is left, once it has taken. None: the hold was there already."""
    now_unix_nano = reservation.created_unix_nano
    pairs = zip(reservation.quotas, _states(states), strict=True) if states else ()
    return tuple(left(state, line, now_unix_nano) for line, state in pairs)


def refused(reservation: Reservation, states: str | None) -> RateLimited:
    """The refusal, from what `reserve` says with GX002."""
    return limited(reservation.quotas, _states(states), reservation.created_unix_nano)


def settled_of(quotas: str, settled: Settled) -> list[dict[str, Any]]:
    """For `close_holds`: what a hold held of `quotas` (as stored with it), and what of that was used."""
    return [
        {
            "key": line.key,
            "held": line.step,
            "used": used_step(line, settled.usage, settled.cost_nano, was_answered=settled.state != VOID),
        }
        for line in quotas_from_json(json.loads(quotas))
    ]


def _states(text: str | None) -> list[State]:
    return [State(*numbers) for numbers in json.loads(text or "[]")]
