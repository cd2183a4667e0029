"""Ledgers with one thing broken, under the name of an invariant that it breaks: a check that cannot fail proves nothing."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from dataclasses import replace

import pytest

from gateway_ext.budget import closing, quotas, sqlite_books, sqlite_quotas, windows
from gateway_ext.budget import sqlite_schema as sql
from gateway_ext.budget.closing import StoredHold
from gateway_ext.budget.prices import Price
from gateway_ext.budget.quotas import QuotaLine, State
from gateway_ext.budget.rules import AccountLine, Reservation, Settled
from gateway_ext.budget.settle import Closing, Evidence, evidence
from gateway_ext.budget.stored import decode_prices
from gateway_ext.errors import BudgetExhausted
from gateway_ext.exchange import Hold, Usage
from gateway_ext.limits import NANO
from gateway_ext.quota import Quota

Mutation = Callable[[pytest.MonkeyPatch], None]


def statement(name: str, old: str, new: str) -> Mutation:
    """`old` in one of the ledger's SQL statements says `new`."""

    def mutate(patch: pytest.MonkeyPatch) -> None:
        text: str = getattr(sql, name)
        assert old in text, f"{name} does not say {old}"
        patch.setattr(sql, name, text.replace(old, new))

    return mutate


def function(module: object, name: str, broken: object) -> Mutation:
    """`broken` in the place of a function, a property or a constant."""
    return lambda patch: patch.setattr(module, name, broken)


_reserve, _close, _take, _hold_row = (
    sqlite_books.reserve,
    sqlite_books._close,
    sqlite_books._take,
    sqlite_books._hold_row,
)
_rolling, _closed = windows._rolling, closing.closed
_room = vars(QuotaLine)["room"].fget


def committing_as_it_goes(cursor: sqlite3.Cursor, reservation: Reservation) -> Hold:
    try:
        return _reserve(cursor, reservation)
    except BudgetExhausted:
        cursor.execute("COMMIT")
        cursor.execute("BEGIN")
        raise


def silent_about_soft_budgets(cursor: sqlite3.Cursor, line: AccountLine, amount: int, now_unix_nano: int) -> bool:
    return _take(cursor, line, amount, now_unix_nano) or not line.is_hard


def forgetful(length_seconds: int, now_seconds: int) -> windows.Period:
    found = _rolling(length_seconds, now_seconds)
    return replace(found, others=found.others[-4:])


def upside_down(state: str, usage: Usage | None) -> Evidence:
    right = evidence(state, usage)
    return Evidence(5 - right) if right else right


def never_corrected(hold: StoredHold, said: Closing) -> Settled:
    settled = _closed(hold, said)
    return replace(settled, flags=tuple(flag for flag in settled.flags if flag != "corrected"))


def quiet_corrections(
    cursor: sqlite3.Cursor, hold_id: str, closing: Closing, now_unix_nano: int, moves: dict[str, tuple[int, int]]
) -> Settled | None:
    settled = _close(cursor, hold_id, closing, now_unix_nano, moves)
    return settled and replace(settled, is_first=settled.is_first and "corrected" not in settled.flags)


def dearer(text: str) -> dict[str, Price]:
    return {
        cluster: replace(price, output_rate=2 * price.output_rate) for cluster, price in decode_prices(text).items()
    }


def all_of_it(line: QuotaLine, usage: Usage | None, cost_nano: int, *, was_answered: bool) -> int:
    return quotas.step_nano(line.amount, line.limit, line.period_seconds) if line.period_seconds else 0


def one_too_many(state: State, line: QuotaLine, now_unix_nano: int) -> Quota:
    right = quotas.left(state, line, now_unix_nano)
    return replace(right, left=right.left + 1)


def with_its_own(state: State, line: QuotaLine) -> State:
    return state


def one_more(reservation: Reservation) -> tuple[str | int, ...]:
    hold_id, amount_nano, *others = _hold_row(reservation)
    return (hold_id, int(amount_nano) + 1, *others)


def of_the_first_account_only(reservation: Reservation) -> tuple[str | int, ...]:
    return _hold_row(replace(reservation, lines=reservation.lines[:1]))


LEFT = "max(0, min(?1, limit_nano + carried_nano - posted_nano - held_nano))"

MUTANTS: list[tuple[str, Mutation]] = [
    ("sums", statement("MOVE", "posted_nano + ?", "posted_nano + ? / 2")),
    ("sums", statement("TAKE_ANYWAY", "held_nano + ?", "held_nano + 0 * ?")),
    ("sums", function(sqlite_books, "_hold_row", of_the_first_account_only)),
    ("limit", statement("TAKE", "+ ?1 <= ?2", "<= ?2")),
    ("limit", statement("TAKE", "held_nano + posted_nano + handed", "posted_nano + handed")),
    ("limit", statement("TAKE", "+ handed_over_nano", "")),
    ("limit", statement("TAKE", "ends_unix_nano > ?5", "1")),
    ("limit", statement("TAKE", "budget = ?4 AND", "")),
    ("limit", statement("TAKE_ROLLING", "held_nano + posted_nano + ?1", "held_nano + ?1")),
    ("room", statement("TAKE", "<= ?2 +", "< ?2 +")),
    ("room", statement("TAKE", "+ carried_nano", "")),
    ("room", statement("TAKE", "begins_unix_nano <= ?5", "0")),
    ("rolling", function(windows, "_rolling", forgetful)),
    ("soft", function(sqlite_books, "_take", silent_about_soft_budgets)),
    ("all lines", function(sqlite_books, "_hold_row", one_more)),
    ("figures", function(sqlite_books, "decode_prices", dearer)),
    ("evidence", function(closing, "evidence", upside_down)),
    ("once", function(sqlite_books, "closed", never_corrected)),
    ("trail", function(sqlite_books, "_close", quiet_corrections)),
    ("repeats", statement("INSERT_HOLD", "DO NOTHING", "DO UPDATE SET settled_by = settled_by || '!'")),
    ("all or nothing", function(sqlite_books, "reserve", committing_as_it_goes)),
    ("expiry", statement("SELECT_EXPIRED", "ORDER BY expires_unix_nano", "ORDER BY expires_unix_nano DESC")),
    ("expiry", statement("SELECT_EXPIRED", "expires_unix_nano <= ?", f"expires_unix_nano <= ? + 600 * {NANO}")),
    ("nothing left", statement("SELECT_EXPIRED", "state = 'held'", "state = 'held' AND id <> 'h2'")),
    ("quota", statement("TAKE_QUOTA", "<= ?5", "<= ?5 + ?3 + ?4")),
    ("quota", statement("TAKE_QUOTA", "+ held + ?3 + ?4 <=", "+ ?3 + ?4 <=")),
    ("quota", statement("TAKE_QUOTA", "max(full_unix_nano - ?2, 0) + held + ?3", "held + ?3")),
    ("quota room", function(QuotaLine, "room", property(lambda line: _room(line) - 1))),
    ("quota held", statement("SETTLE_QUOTA", "held - ?3", "held - ?3 / 2")),
    ("quota used", statement("SETTLE_QUOTA", "+ ?4 END", "+ 0 * ?4 END")),
    ("quota used", function(sqlite_quotas, "used_step", all_of_it)),
    ("quota told", function(sqlite_quotas, "left", one_too_many)),
    ("quota told", function(State, "without", with_its_own)),
    ("quota forgotten", statement("PRUNE_QUOTAS", "held = 0 AND", "")),
    ("quota forgotten", statement("PRUNE_QUOTAS", "<= ?", "<= ? - 86400 * 1000000000")),
    ("carried", statement("HAND_OVER", f"= {LEFT}", "= handed_over_nano")),
    ("carried", statement("HAND_OVER", "RETURNING handed_over_nano", "RETURNING handed_over_nano / 2")),
]
