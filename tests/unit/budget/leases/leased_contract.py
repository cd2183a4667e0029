"""The ledger's contract, where it means the same for a ledger with leases. Subclassed for each ledger of record."""

from __future__ import annotations

import pytest

from gateway_ext.budget.leases.ledger import LeasedLedger
from gateway_ext.budget.rules import AccountLine
from gateway_ext.errors import BudgetExhausted
from gateway_ext.ports import Ledger
from tests.unit.budget.ledger_contract import Balances, LedgerContract, close
from tests.unit.budget.reservations import reservation


class LeasedContract(LedgerContract):
    """All of it but two: a known id may be granted again, and what is leased when a period ends is not handed over."""

    test_what_a_period_leaves_is_carried_over = None  # type: ignore[assignment]  # for all three see the last one here
    test_what_was_carried_over_and_not_used_is_carried_on = None  # type: ignore[assignment]
    test_what_was_handed_over_cannot_be_spent_by_a_request_that_comes_late = None  # type: ignore[assignment]

    @pytest.mark.parametrize("closing", ["open", "post", "void", "expire"])
    async def test_reserving_again_is_the_same_hold(self, ledger: Ledger, balances: Balances, closing: str) -> None:
        await ledger.reserve(reservation("h1", 200))
        await close(ledger, closing, "h1")
        before = balances()
        await ledger.reserve(reservation("h1", 200))
        await ledger.reserve(reservation("h1", 7))
        assert isinstance(ledger, LeasedLedger)
        await ledger.give_back_all()
        assert balances() == before

    async def test_nothing_is_leased_at_the_end_of_a_period_that_hands_over(self, ledger: Ledger) -> None:
        assert isinstance(ledger, LeasedLedger)
        ending = AccountLine("m1", "monthly", 1_000, resets_in_seconds=60, carries_max_nano=500)
        await ledger.reserve(reservation("h1", 100, ending))
        assert ledger.leased_nano() == {}
        following = AccountLine("m2", "monthly", 1_000, before="m1", carries_max_nano=500)
        await ledger.reserve(reservation("h2", 1_500, following))
        with pytest.raises(BudgetExhausted):
            await ledger.reserve(reservation("h3", 401, ending))
        await ledger.reserve(reservation("h4", 400, ending))
