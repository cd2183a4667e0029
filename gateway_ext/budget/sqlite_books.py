"""What reserving and settling do to the tables, inside a transaction that the caller opens and commits.

Each function either returns having done all of it, or raises; the caller then rolls back what it began.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable
from dataclasses import astuple, replace

from gateway_ext.budget import sqlite_quotas
from gateway_ext.budget import sqlite_schema as sql
from gateway_ext.budget.closing import StoredHold, closed
from gateway_ext.budget.leases.rules import Draw
from gateway_ext.budget.reserve import exhausted
from gateway_ext.budget.rules import AccountLine, Reservation, Settled, TopUp
from gateway_ext.budget.settle import AMOUNT_NANO_MAX, EXPIRED, HELD, TOP_UP_NANO_MAX, Closing
from gateway_ext.budget.stored import (
    NO_DETAILS,
    decode_prices,
    encode_details,
    encode_prices,
    payer_row,
    quotas_to_json,
)
from gateway_ext.errors import InternalFailure
from gateway_ext.exchange import Hold, Usage
from gateway_ext.limits import NANO

INTEGER_MAX = 2**63 - 1


def reserve(cursor: sqlite3.Cursor, reservation: Reservation) -> Hold:
    """Debit every line and store the hold.

    Raises BudgetExhausted for the first line that has no room; when all have, RateLimited for a quota that has none.
    """
    amount_nano = reservation.amount_nano
    if not reservation.lines or not reservation.prices or amount_nano < 0:
        raise InternalFailure
    if amount_nano > AMOUNT_NANO_MAX:  # beyond any limit that can be granted, and beyond safe arithmetic
        raise exhausted(reservation.lines[0])
    if not cursor.execute(sql.INSERT_HOLD, _hold_row(reservation)).rowcount:
        known_nano, currency = cursor.execute(sql.SELECT_AMOUNT, (reservation.id,)).fetchone()
        return Hold(reservation.id, known_nano, currency)
    now_unix_nano = reservation.created_unix_nano
    over = []
    for place, line in enumerate(reservation.lines):
        if not _take(cursor, line, amount_nano, now_unix_nano):
            if line.is_hard:
                raise exhausted(line, _least_room(cursor, reservation, place))
            over.append(line.rule)
    quotas = sqlite_quotas.take(cursor, reservation) if reservation.quotas else ()
    return Hold(reservation.id, amount_nano, reservation.currency, tuple(over), quotas)


def settle(cursor: sqlite3.Cursor, closings: Iterable[tuple[str, Closing]], now_unix_nano: int) -> list[Settled | None]:
    """Close the holds of these ids, or correct those whose closing rests on better evidence. None: there is no such hold."""
    moves: dict[str, tuple[int, int]] = {}
    settled = [_close(cursor, hold_id, closing, now_unix_nano, moves) for hold_id, closing in closings]
    for key, (released_nano, posted_nano) in moves.items():  # once for each account: many requests share the same
        cursor.execute(sql.MOVE, (released_nano, posted_nano, key))
    return settled


def _close(
    cursor: sqlite3.Cursor, hold_id: str, closing: Closing, now_unix_nano: int, moves: dict[str, tuple[int, int]]
) -> Settled | None:
    """`moves`, by account: what is no longer held, and what is posted instead; added to."""
    row = cursor.execute(sql.SELECT_HOLD, (hold_id,)).fetchone()
    if row is None:
        return None
    state, amount_nano, currency, accounts, prices, posted_nano, cluster, *counts, settled_by, flags, quotas = row
    known = StoredHold(
        hold_id,
        state,
        amount_nano,
        currency,
        decode_prices(prices),
        posted_nano,
        cluster,
        _usage(*counts),
        settled_by,
        tuple(json.loads(flags)),
    )
    settled = closed(known, closing)
    if settled.is_first:
        released_nano = amount_nano if state == HELD else 0
        for key in json.loads(accounts):
            released, posted = moves.get(key, (0, 0))
            moves[key] = (released + released_nano, posted + settled.cost_nano - posted_nano)
        if state == HELD:
            sqlite_quotas.settle(cursor, quotas, settled, now_unix_nano)
        cursor.execute(sql.CLOSE_HOLD, _closing_row(settled, now_unix_nano))
    return settled


def expire(cursor: sqlite3.Cursor, now_unix_nano: int, limit: int) -> list[Settled]:
    """Close up to `limit` holds past their time, oldest first."""
    ids = [row[0] for row in cursor.execute(sql.SELECT_EXPIRED, (now_unix_nano, limit)).fetchall()]
    closing = Closing(EXPIRED, None, "", "expiry", ())
    settled = settle(cursor, [(hold_id, closing) for hold_id in ids], now_unix_nano)
    return [one for one in settled if one is not None]


def draw(cursor: sqlite3.Cursor, drawn: Draw) -> bool:
    """Make a part of a lease a hold of its own. False when there is no such lease: the hold is then on no account."""
    reservation = drawn.reservation
    if cursor.execute(sql.SELECT_AMOUNT, (reservation.id,)).fetchone():
        return True
    lease = cursor.execute(sql.DRAW, (reservation.amount_nano, drawn.lease_id)).fetchone()
    if lease is None:
        reservation = replace(reservation, lines=())
    elif lease[0] == EXPIRED:  # it was posted whole: this part is held again
        for key in json.loads(lease[1]):
            cursor.execute(sql.MOVE, (-reservation.amount_nano, -reservation.amount_nano, key))
    cursor.execute(sql.INSERT_HOLD, _hold_row(reservation))
    return lease is not None


def add(cursor: sqlite3.Cursor, top_up: TopUp) -> None:
    """Add money to a budget. Raises InternalFailure for amounts beyond safe arithmetic."""
    if not 0 < top_up.amount_nano <= TOP_UP_NANO_MAX:
        raise InternalFailure
    cursor.execute(sql.INSERT_TOP_UP, astuple(top_up))


def end_top_up(cursor: sqlite3.Cursor, top_up_id: str, now_unix_nano: int) -> bool:
    """Whether there was one to be ended."""
    return cursor.execute(sql.END_TOP_UP, (now_unix_nano, top_up_id)).rowcount > 0


def _take(cursor: sqlite3.Cursor, line: AccountLine, amount_nano: int, now_unix_nano: int) -> bool:
    """Whether there was room. Without any a soft budget is debited all the same."""
    limit_nano = min(line.limit_nano, AMOUNT_NANO_MAX)
    debit: tuple[int | str, ...] = (amount_nano, limit_nano, line.key, line.budget, now_unix_nano)
    take = sql.TAKE
    if line.others:
        take, debit = sql.TAKE_ROLLING, (*debit, json.dumps(line.others))
    if cursor.execute(take, debit).rowcount:
        return True
    if not cursor.execute(sql.HAS_ACCOUNT, (line.key,)).fetchone():
        _open(cursor, line, limit_nano, now_unix_nano)
        if cursor.execute(take, debit).rowcount:
            return True
    if not line.is_hard:
        cursor.execute(sql.TAKE_ANYWAY, debit[:3])
    return False


def _least_room(cursor: sqlite3.Cursor, reservation: Reservation, refused: int) -> tuple[int, str]:
    """What the tightest hard line has left for this reservation, whose debits before line `refused` are about to be undone."""
    now_unix_nano = reservation.created_unix_nano
    rooms: list[tuple[int, str]] = []
    for place, line in enumerate(reservation.lines):
        if line.is_hard:
            limit_nano = min(line.limit_nano, AMOUNT_NANO_MAX)
            if not cursor.execute(sql.HAS_ACCOUNT, (line.key,)).fetchone():
                _open(cursor, line, limit_nano, now_unix_nano)
            own_nano = reservation.amount_nano if place < refused else 0
            question = (own_nano, limit_nano, line.key, line.budget, now_unix_nano, json.dumps(line.others))
            rooms.append((cursor.execute(sql.SELECT_ROOM, question).fetchone()[0], line.rule))
    return min(rooms)


def _open(cursor: sqlite3.Cursor, line: AccountLine, limit_nano: int, now_unix_nano: int) -> None:
    seconds = line.resets_in_seconds
    ends_unix_nano = None if seconds is None else (now_unix_nano // NANO + seconds) * NANO
    handed_over = None
    if line.carries_max_nano:
        handed_over = cursor.execute(
            sql.HAND_OVER, (min(line.carries_max_nano, AMOUNT_NANO_MAX), line.before)
        ).fetchone()
    carried_nano = handed_over[0] if handed_over else 0
    cursor.execute(sql.OPEN_ACCOUNT, (line.key, line.rule, limit_nano, ends_unix_nano, carried_nano))


def _hold_row(reservation: Reservation) -> tuple[str | int, ...]:
    return (
        reservation.id,
        reservation.amount_nano,
        reservation.currency,
        json.dumps([line.key for line in reservation.lines]),
        encode_prices(reservation.prices),
        *payer_row(reservation.payer),
        reservation.model,
        min(reservation.estimate.input_tokens, INTEGER_MAX),
        min(reservation.estimate.output_tokens, INTEGER_MAX),
        reservation.created_unix_nano,
        reservation.expires_unix_nano,
        json.dumps(quotas_to_json(reservation.quotas)),
    )


def _closing_row(settled: Settled, now_unix_nano: int) -> tuple[str | int | None, ...]:
    usage = settled.usage
    counts: tuple[int | str | None, ...] = (None, None, None, None, NO_DETAILS)
    if usage is not None:
        cached, details = usage.cached_input_tokens, encode_details(usage)
        counts = (usage.input_tokens, usage.output_tokens, cached, int(usage.is_estimated), details)
    return (
        settled.state,
        now_unix_nano,
        settled.cost_nano,
        settled.cluster,
        *counts,
        settled.settled_by,
        json.dumps(settled.flags),
        settled.hold_id,
    )


def _usage(inputs: int | None, outputs: int, cached: int, is_estimated: int, details: str) -> Usage | None:
    return None if inputs is None else Usage(inputs, outputs, cached, bool(is_estimated), **json.loads(details))
