"""Whatever is asked and settled when: a quota never lets through more than a full bucket and what refills it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway_ext.budget import sqlite_books as books
from gateway_ext.budget.quotas import QuotaLine, State, left, step_nano, wait_nano
from gateway_ext.budget.settle import POSTED, VOID, Closing
from gateway_ext.budget.sqlite_schema import SCHEMA
from gateway_ext.errors import RateLimited
from gateway_ext.exchange import Usage
from gateway_ext.limits import NANO
from gateway_ext.quota import Unit
from tests.unit.budget.reservations import NOW, reservation

PERIODS = st.sampled_from([1, 60, 3_600, 86_400])
LIMITS = st.integers(1, 10**15)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("reserve"), st.integers(0, 40 * NANO), st.integers(0, 60)),
        st.tuples(st.sampled_from(["post", "void"]), st.integers(0, 40 * NANO), st.integers(0, 60)),
    ),
    max_size=40,
)


def line(limit: int, period_seconds: int, amount: int, unit: Unit = Unit.TOKENS) -> QuotaLine:
    return QuotaLine("k", "r", unit, limit, period_seconds, amount)


@contextmanager
def cursor() -> Iterator[sqlite3.Cursor]:
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        connection.executescript(SCHEMA)
        yield connection.cursor()


def take(cursor: sqlite3.Cursor, hold_id: str, line: QuotaLine, now: int) -> bool:
    asked = replace(reservation(hold_id, 1, limit_nano=10**15), quotas=(line,), created_unix_nano=now)
    cursor.execute("BEGIN")
    try:
        books.reserve(cursor, asked)
    except RateLimited:
        cursor.execute("ROLLBACK")
        return False
    cursor.execute("COMMIT")
    return True


def assert_within(passed: list[tuple[int, int]], limit: int, period_seconds: int) -> None:
    for first in range(len(passed)):
        began = passed[first][0]
        for last in range(first, len(passed)):
            amount = sum(each for _, each in passed[first : last + 1])
            assert (amount - limit) * period_seconds * NANO <= (passed[last][0] - began) * limit


@given(limit=st.integers(1, 100), period_seconds=PERIODS, steps=STEPS)
def test_between_any_two_moments_no_more_is_used_than_a_bucket_and_its_refill(
    limit: int, period_seconds: int, steps: list[tuple[str, int, int]]
) -> None:
    now, open_holds = NOW, dict[str, int]()
    used: list[tuple[int, int]] = []
    with cursor() as books_cursor:
        for number, (what, later, amount) in enumerate(steps):
            now += later
            if what == "reserve":
                if take(books_cursor, f"h{number}", line(limit, period_seconds, amount), now):
                    open_holds[f"h{number}"] = amount
            elif open_holds:
                hold_id = list(open_holds)[amount % len(open_holds)]
                held = open_holds.pop(hold_id)
                tokens = min(amount, held) if what == "post" else 0
                usage = Usage(tokens, 0) if what == "post" else None
                closing_statement = Closing(POSTED if usage else VOID, usage, "eu/model", "test", ())
                books.settle(books_cursor, [(hold_id, closing_statement)], now)
                used.append((now, tokens))
            assert sum(open_holds.values()) <= limit
    assert_within(used, limit, period_seconds)


@given(limit=st.integers(1, 30), period_seconds=PERIODS, pauses=st.lists(st.integers(0, 9 * NANO), max_size=60))
def test_between_any_two_moments_no_more_requests_begin(limit: int, period_seconds: int, pauses: list[int]) -> None:
    now, passed = NOW, list[tuple[int, int]]()
    with cursor() as books_cursor:
        for number, pause in enumerate(pauses):
            now += pause
            if take(books_cursor, f"h{number}", line(limit, period_seconds, 1, Unit.REQUESTS), now):
                passed.append((now, 1))
    assert_within(passed, limit, period_seconds)


@given(limit=LIMITS, period_seconds=PERIODS, amount=st.integers(0, 10**15))
def test_a_full_bucket_gives_its_limit_and_not_more(limit: int, period_seconds: int, amount: int) -> None:
    with cursor() as books_cursor:
        assert take(books_cursor, "h1", line(limit, period_seconds, amount), NOW) == (amount <= limit)


@given(limit=LIMITS, period_seconds=PERIODS, first=st.integers(1, 10**15), second=st.integers(1, 10**15))
def test_after_the_wait_that_was_told_there_is_enough(limit: int, period_seconds: int, first: int, second: int) -> None:
    state = State(NOW + step_nano(min(first, limit), limit, period_seconds))
    wanted = line(limit, period_seconds, min(second, limit))
    waited = wait_nano(state, wanted, NOW)
    assert waited <= period_seconds * NANO + 1
    assert wait_nano(state, wanted, NOW + waited) == 0
    assert waited == 0 or wait_nano(state, wanted, NOW + waited - 1) > 0


@given(
    limit=LIMITS,
    period_seconds=PERIODS,
    used=st.integers(1, 10**15),
    held=st.integers(0, 10**15),
)
def test_what_is_told_to_be_left_can_be_taken(limit: int, period_seconds: int, used: int, held: int) -> None:
    state = State(NOW + step_nano(used, limit, period_seconds), step_nano(held, limit, period_seconds))
    asked = line(limit, period_seconds, 0)
    rest = left(state, asked, NOW)
    assert rest.left <= max(0, limit - used - held)
    if rest.left:
        assert wait_nano(state, replace(asked, amount=rest.left), NOW) == 0


@pytest.mark.parametrize("unit", list(Unit))
def test_undoing_a_taking_leaves_the_state_as_it_was(unit: Unit) -> None:
    period_seconds = 0 if unit is Unit.CONCURRENT else 60
    taken = line(10, period_seconds, 1, unit)
    before = State(NOW if period_seconds else 0, 4)
    after = (
        State(before.full_unix_nano, before.held + taken.step)
        if taken.is_held
        else State(before.full_unix_nano + taken.step, before.held)
    )
    assert after.without(taken) == before
