"""Whatever is asked when: within the length of a rolling window, never more is held and spent than its limit allows."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from gateway_ext.budget.reserve import lines
from gateway_ext.budget.rules import BudgetRule, BudgetRules, Scope
from gateway_ext.budget.sqlite_ledger import SqliteLedger
from gateway_ext.budget.windows import NANOSECONDS, Calendar, Window
from gateway_ext.errors import BudgetExhausted
from gateway_ext.exchange import CredentialClass, Principal, Usage
from tests.unit.budget.reservations import NOW, FixedClock, reservation

LENGTH_SECONDS = 3_600
LIMIT = 100
ADA = Principal("ada", "person", "company", CredentialClass.SSO, "c1")
RULES = BudgetRules(
    "EUR",
    900,
    (BudgetRule("rolling", Scope.USER, "*", LIMIT, Window(Calendar.ROLLING, length_seconds=LENGTH_SECONDS)),),
    {},
)
# Seconds since the request before, amount, and what is spent of it in the end (None: still open).
REQUESTS = st.lists(
    st.tuples(st.integers(0, 1_200), st.integers(1, 60), st.none() | st.integers(0, 60)), min_size=5, max_size=40
)


@given(REQUESTS)
@settings(max_examples=60, deadline=None)
def test_no_hour_sees_more_than_the_limit(requests: list[tuple[int, int, int | None]]) -> None:
    granted = asyncio.run(_play(requests))
    for moment, _ in granted:
        within = sum(amount for at, amount in granted if moment - LENGTH_SECONDS < at <= moment)
        assert within <= LIMIT


async def _play(requests: list[tuple[int, int, int | None]]) -> list[tuple[int, int]]:
    """When, and how much in the end, was granted."""
    granted: list[tuple[int, int]] = []
    with tempfile.TemporaryDirectory() as directory:
        ledger = SqliteLedger(Path(directory) / "ledger.sqlite", FixedClock())
        await ledger.open()
        moment = NOW // NANOSECONDS
        for number, (later, amount, spent) in enumerate(requests):
            moment += later
            asked = reservation(f"h{number}", amount, *lines(RULES, ADA, "large", moment * NANOSECONDS))
            before = sum(held for at, held in granted if moment - LENGTH_SECONDS * 25 // 24 - 1 < at)
            try:
                await ledger.reserve(asked)
            except BudgetExhausted:
                assert before + amount > LIMIT  # nobody is refused who fits by the longest reading of the window
                continue
            actual = amount if spent is None else min(spent, amount)
            if spent is not None:
                await ledger.post(f"h{number}", Usage(actual, 0), "eu/model", "test")
            granted.append((moment, actual))
        await ledger.close()
    return granted
