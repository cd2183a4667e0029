"""What a ledger of record must do with parts of leases. A backend's test file subclasses it, as the ledger's contract."""

from __future__ import annotations

import asyncio

import pytest

from gateway_ext.budget.leases.ledger import LedgerOfRecord
from gateway_ext.budget.leases.rules import Draw
from gateway_ext.budget.rules import AccountLine
from gateway_ext.errors import BudgetExhausted
from gateway_ext.exchange import Hold, Usage
from tests.unit.budget.ledger_contract import Balances
from tests.unit.budget.reservations import NOW, TTL, reservation

USER = AccountLine("user", "per-user", 1_000)
TEAM = AccountLine("team", "per-team", 2_000)
LINES = (USER, TEAM)


def drawn(hold_id: str, amount_nano: int, lease_id: str = "lease-1") -> Draw:
    return Draw(lease_id, reservation(hold_id, amount_nano, *LINES))


class DrawContract:
    async def test_a_part_is_held_instead_of_the_lease(self, ledger: LedgerOfRecord, balances: Balances) -> None:
        await ledger.reserve(reservation("lease-1", 500, *LINES))
        assert await ledger.draw([drawn("h1", 100), drawn("h2", 50)]) == frozenset()
        assert balances() == {"user": (500, 0), "team": (500, 0)}
        settled = await ledger.post("h1", Usage(30, 0), "eu/model", "test")
        assert settled is not None
        assert (settled.cost_nano, settled.is_first) == (30, True)
        assert balances() == {"user": (400, 30), "team": (400, 30)}
        await ledger.void("h2", "test")
        await ledger.void("lease-1", "lease")
        assert balances() == {"user": (0, 30), "team": (0, 30)}

    async def test_all_of_a_lease_can_be_drawn_and_not_one_more(
        self, ledger: LedgerOfRecord, balances: Balances
    ) -> None:
        await ledger.reserve(reservation("lease-1", 500, *LINES))
        assert await ledger.draw([drawn("h1", 499)]) == frozenset()
        assert await ledger.draw([drawn("h2", 2)]) == {"lease-1"}
        assert await ledger.draw([drawn("h3", 1)]) == frozenset()
        assert balances() == {"user": (500, 0), "team": (500, 0)}

    async def test_drawing_again_changes_nothing(self, ledger: LedgerOfRecord, balances: Balances) -> None:
        await ledger.reserve(reservation("lease-1", 500, *LINES))
        await ledger.draw([drawn("h1", 100)])
        await ledger.draw([drawn("h1", 100), drawn("h2", 100)])
        await ledger.post("h1", Usage(30, 0), "eu/model", "test")
        await ledger.draw([drawn("h1", 100)])
        await ledger.void("lease-1", "lease")
        assert balances() == {"user": (100, 30), "team": (100, 30)}
        assert await ledger.reserve(reservation("h1", 7, *LINES)) == Hold("h1", 100, "EUR")

    async def test_what_is_held_otherwise_is_not_drawn(self, ledger: LedgerOfRecord, balances: Balances) -> None:
        await ledger.reserve(reservation("lease-1", 500, *LINES))
        await ledger.reserve(reservation("h1", 100, *LINES))
        await ledger.draw([drawn("h1", 100)])
        await ledger.void("lease-1", "lease")
        assert balances() == {"user": (100, 0), "team": (100, 0)}

    async def test_of_an_expired_lease_a_part_is_held_again_and_the_rest_can_be_given_back(
        self, ledger: LedgerOfRecord, balances: Balances
    ) -> None:
        await ledger.reserve(reservation("lease-1", 500, *LINES))
        (expired,) = await ledger.expire(NOW + TTL)
        assert (expired.hold_id, expired.cost_nano) == ("lease-1", 500)
        assert balances() == {"user": (0, 500), "team": (0, 500)}
        assert await ledger.draw([drawn("h1", 100), drawn("h2", 50)]) == frozenset()
        assert balances() == {"user": (150, 350), "team": (150, 350)}
        await ledger.post("h1", Usage(30, 0), "eu/model", "test")
        assert balances() == {"user": (50, 380), "team": (50, 380)}
        given_back = await ledger.void("lease-1", "lease")
        assert given_back is not None
        assert (given_back.state, given_back.is_first, given_back.flags) == ("void", True, ("corrected",))
        assert balances() == {"user": (50, 30), "team": (50, 30)}

    @pytest.mark.parametrize("was_closed", [False, True])
    async def test_of_a_lease_that_is_not_there_the_end_is_told_and_counts_on_no_account(
        self, ledger: LedgerOfRecord, balances: Balances, was_closed: bool
    ) -> None:
        if was_closed:
            await ledger.reserve(reservation("lease-1", 500, *LINES))
            await ledger.void("lease-1", "lease")
        await ledger.reserve(reservation("lease-2", 500, *LINES))
        assert await ledger.draw([drawn("h1", 100), drawn("h2", 100, "lease-2")]) == {"lease-1"}
        settled = await ledger.post("h1", Usage(30, 0), "eu/model", "test")
        assert settled is not None
        assert settled.cost_nano == 30
        assert balances() == {"user": (500, 0), "team": (500, 0)}

    async def test_leases_and_requests_share_a_limit(self, ledger: LedgerOfRecord) -> None:
        await ledger.reserve(reservation("lease-1", 600, *LINES))
        await ledger.draw([drawn("h1", 600)])
        await ledger.reserve(reservation("h2", 400, *LINES))
        with pytest.raises(BudgetExhausted):
            await ledger.reserve(reservation("lease-2", 1, *LINES))

    async def test_drawing_settling_and_expiring_at_a_time_end_with_the_same_books(
        self, ledger: LedgerOfRecord, balances: Balances
    ) -> None:
        for number in range(4):
            await ledger.reserve(reservation(f"lease-{number}", 200, *LINES))
        draws = [[drawn(f"h{lease}-{n}", 10, f"lease-{lease}") for n in range(10)] for lease in range(4)]
        await asyncio.gather(*map(ledger.draw, draws), ledger.expire(NOW + TTL), ledger.draw(draws[0]))
        for lease in range(4):
            for n in range(10):
                await ledger.post(f"h{lease}-{n}", Usage(3, 0), "eu/model", "test")
            await ledger.void(f"lease-{lease}", "lease")
        assert balances() == {"user": (0, 120), "team": (0, 120)}
