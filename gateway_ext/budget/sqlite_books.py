"""What reserving and settling do to the tables, inside a transaction that the caller opens and commits.

Each function either returns having done all of it, or raises; the caller then rolls back what it began.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping

from gateway_ext.budget import sqlite_schema as sql
from gateway_ext.budget.rules import AccountLine, Price, Reservation, Settled
from gateway_ext.budget.settle import AMOUNT_NANO_MAX, EXPIRED, HELD, Closing, Evidence, evidence, priced
from gateway_ext.errors import BudgetExhausted, InternalFailure
from gateway_ext.exchange import Hold, Usage

INTEGER_MAX = 2**63 - 1
RETRY_AFTER_SECONDS_MAX = 24 * 3600  # a client told to wait for weeks would look hung; beyond a day we promise nothing


def reserve(cursor: sqlite3.Cursor, reservation: Reservation) -> Hold:
    """Debit every line and store the hold. Raises BudgetExhausted for the first line that has no room."""
    amount_nano = reservation.amount_nano
    if not reservation.lines or not reservation.prices or amount_nano < 0:
        raise InternalFailure
    if amount_nano > AMOUNT_NANO_MAX:  # beyond any limit that can be granted, and beyond safe arithmetic
        raise _exhausted(reservation.lines[0])
    if not cursor.execute(sql.INSERT_HOLD, _hold_row(reservation)).rowcount:
        known_nano, currency = cursor.execute(sql.SELECT_AMOUNT, (reservation.id,)).fetchone()
        return Hold(reservation.id, known_nano, currency)
    for line in reservation.lines:
        _take(cursor, line, amount_nano)
    return Hold(reservation.id, amount_nano, reservation.currency)


def settle(cursor: sqlite3.Cursor, hold_id: str, closing: Closing, now_unix_nano: int) -> Settled | None:
    """Close the hold, or correct it when `closing` rests on better evidence. None when there is no such hold."""
    row = cursor.execute(sql.SELECT_HOLD, (hold_id,)).fetchone()
    if row is None:
        return None
    state, amount_nano, currency, accounts, prices, posted_nano, cluster, *counts, settled_by, flags = row
    usage = _usage(*counts)
    in_force = evidence(state, usage)
    closing, cost_nano = priced(closing, amount_nano, _decode_prices(prices))
    if evidence(closing.state, closing.usage) <= in_force:
        known_flags = tuple(json.loads(flags))
        return Settled(hold_id, state, usage, posted_nano, currency, settled_by, False, cluster, known_flags)
    new_flags = closing.flags if in_force is Evidence.NONE else (*closing.flags, "corrected")
    settled = Settled(
        hold_id, closing.state, closing.usage, cost_nano, currency, closing.settled_by, True, closing.cluster, new_flags
    )
    released_nano = amount_nano if state == HELD else 0
    for key in json.loads(accounts):
        cursor.execute(sql.MOVE, (released_nano, cost_nano - posted_nano, key))
    cursor.execute(sql.CLOSE_HOLD, _closing_row(settled, now_unix_nano))
    return settled


def expire(cursor: sqlite3.Cursor, now_unix_nano: int, limit: int) -> list[Settled]:
    """Close up to `limit` holds past their time, oldest first."""
    ids = [row[0] for row in cursor.execute(sql.SELECT_EXPIRED, (now_unix_nano, limit)).fetchall()]
    closing = Closing(EXPIRED, None, "", "expiry", ())
    settled = (settle(cursor, hold_id, closing, now_unix_nano) for hold_id in ids)
    return [one for one in settled if one is not None]


def _take(cursor: sqlite3.Cursor, line: AccountLine, amount_nano: int) -> None:
    limit_nano = min(line.limit_nano, AMOUNT_NANO_MAX)
    debit = (amount_nano, limit_nano, line.key)
    if cursor.execute(sql.TAKE, debit).rowcount:
        return
    is_new = cursor.execute(sql.OPEN_ACCOUNT, (line.key, line.rule, limit_nano)).rowcount
    if not (is_new and cursor.execute(sql.TAKE, debit).rowcount):
        raise _exhausted(line)


def _exhausted(line: AccountLine) -> BudgetExhausted:
    seconds = line.resets_in_seconds
    return BudgetExhausted(
        f"{line.title} has no room for the most that this request can cost. A lower max_tokens needs less.",
        retry_after_seconds=seconds if seconds is not None and seconds <= RETRY_AFTER_SECONDS_MAX else None,
    )


def _hold_row(reservation: Reservation) -> tuple[str | int, ...]:
    return (
        reservation.id,
        reservation.amount_nano,
        reservation.currency,
        json.dumps([line.key for line in reservation.lines]),
        _encode_prices(reservation.prices),
        reservation.subject,
        reservation.team,
        reservation.model,
        min(reservation.estimate.input_tokens, INTEGER_MAX),
        min(reservation.estimate.output_tokens, INTEGER_MAX),
        reservation.created_unix_nano,
        reservation.expires_unix_nano,
    )


def _closing_row(settled: Settled, now_unix_nano: int) -> tuple[str | int | None, ...]:
    usage = settled.usage
    counts = (
        (None, None, None, None)
        if usage is None
        else (usage.input_tokens, usage.output_tokens, usage.cached_input_tokens, int(usage.is_estimated))
    )
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


def _usage(inputs: int | None, outputs: int, cached: int, is_estimated: int) -> Usage | None:
    return None if inputs is None else Usage(inputs, outputs, cached, bool(is_estimated))


def _encode_prices(prices: Mapping[str, Price]) -> str:
    return json.dumps(
        {
            cluster: (price.input_rate, price.output_rate, price.cached_input_rate, price.per_request_nano)
            for cluster, price in prices.items()
        }
    )


def _decode_prices(text: str) -> dict[str, Price]:
    return {cluster: Price(*rates) for cluster, rates in json.loads(text).items()}
