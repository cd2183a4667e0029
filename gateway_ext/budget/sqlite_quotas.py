"""What reserving and settling do to the quotas, inside the same transaction as sqlite_books."""

from __future__ import annotations

import json
import sqlite3

from gateway_ext.budget import sqlite_schema as sql
from gateway_ext.budget.quotas import QuotaLine, State, left, limited, used_step
from gateway_ext.budget.rules import Reservation, Settled
from gateway_ext.budget.settle import VOID
from gateway_ext.budget.stored import quotas_from_json
from gateway_ext.quota import Quota


def take(cursor: sqlite3.Cursor, reservation: Reservation) -> tuple[Quota, ...]:
    """Take of every quota. Raises RateLimited when one has no room."""
    now_unix_nano = reservation.created_unix_nano
    states: list[State] = []
    for line in reservation.quotas:
        state = _take(cursor, line, now_unix_nano) if line.amount <= line.limit else None
        if state is None:
            before = [found.without(taken) for taken, found in zip(reservation.quotas, states, strict=False)]
            others = [_found(cursor, other) for other in reservation.quotas[len(states) :]]
            raise limited(reservation.quotas, before + others, now_unix_nano)
        states.append(state)
    return tuple(left(state, line, now_unix_nano) for line, state in zip(reservation.quotas, states, strict=True))


def settle(cursor: sqlite3.Cursor, quotas: str, settled: Settled, now_unix_nano: int) -> None:
    """Replace what a hold holds of `quotas` (as stored with it) by what was used, now that it ends for the first time."""
    for line in quotas_from_json(json.loads(quotas)):
        used = used_step(line, settled.usage, settled.cost_nano, was_answered=settled.state != VOID)
        cursor.execute(sql.SETTLE_QUOTA, (line.key, now_unix_nano, line.step, used))


def prune(cursor: sqlite3.Cursor, now_unix_nano: int) -> int:
    """Forget the quotas that are full; how many."""
    return cursor.execute(sql.PRUNE_QUOTAS, (now_unix_nano,)).rowcount


def _take(cursor: sqlite3.Cursor, line: QuotaLine, now_unix_nano: int) -> State | None:
    used, held = (0, line.step) if line.is_held else (line.step, 0)
    row = cursor.execute(sql.TAKE_QUOTA, (line.key, now_unix_nano, used, held, line.room)).fetchone()
    return None if row is None else State(*row)


def _found(cursor: sqlite3.Cursor, line: QuotaLine) -> State:
    row = cursor.execute(sql.SELECT_QUOTA, (line.key,)).fetchone()
    return State() if row is None else State(*row)
