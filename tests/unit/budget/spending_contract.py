"""What every reading of a ledger for its watchers must do. A backend's test file subclasses it and gives the fixtures.

`ledger`: an open, empty ledger. `spending`: a reading of it.
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from gateway_ext.budget.quotas import QuotaLine, State
from gateway_ext.budget.reserve import lines
from gateway_ext.budget.rules import BudgetRule, BudgetRules, Scope, TopUp
from gateway_ext.budget.spending import is_of, looks, narrowed
from gateway_ext.budget.windows import Calendar, Window
from gateway_ext.exchange import CredentialClass, Principal, Usage
from gateway_ext.limits import NANO
from gateway_ext.ports import Ledger, Spending
from gateway_ext.quota import Unit
from tests.unit.budget.reservations import NOW, reservation

MONTH = BudgetRule("monthly", Scope.USER, "*", 1_000)
MODEL = BudgetRule("models", Scope.USER, "*", 1_000, per_model=True)
ROLLING = BudgetRule("bursts", Scope.USER, "*", 1_000, Window(Calendar.ROLLING, length_seconds=24 * 3600))
OTHER_ROLLING = BudgetRule("others", Scope.TEAM, "*", 1_000, Window(Calendar.ROLLING, length_seconds=24 * 3600))
TOTAL = BudgetRule("ever", Scope.USER, "*", 1_000, Window(Calendar.TOTAL))
ALL = (MONTH, MODEL, ROLLING, OTHER_ROLLING, TOTAL)
DAY = 86_400


async def spend(ledger: Ledger, hold_id: str, subject: str, tokens: int, now: int = NOW, *, held: bool = False) -> None:
    """At one nano-unit a token."""
    rules = BudgetRules("EUR", 900, ALL, {})
    principal = Principal(subject, "person", "company", CredentialClass.SSO, "", team="te/am")
    await ledger.reserve(
        reservation(hold_id, tokens, *lines(rules, principal, "large", now), expires_unix_nano=now + 9)
    )
    if not held:
        await ledger.post(hold_id, Usage(tokens, 0, 0), "eu/model", "test")


async def look(
    spending: Spending, rule: BudgetRule, least: int = 1, now: int = NOW, late: int = 0
) -> dict[str, tuple[int, int]]:
    found = [each for one in looks(rule, "EUR", now, late) for each in await spending.spent(one, least)]
    return {each.budget: (each.posted_nano, each.held_nano) for each in found}


class SpendingContract:
    @pytest.mark.parametrize(("rule", "model"), [(MONTH, ""), (TOTAL, ""), (MODEL, "/large"), (ROLLING, "")])
    async def test_it_tells_what_each_has_posted_and_holds(
        self, ledger: Ledger, spending: Spending, rule: BudgetRule, model: str
    ) -> None:
        await spend(ledger, "1", "ada", 5)
        await spend(ledger, "2", "ada", 7)
        await spend(ledger, "3", "ada", 9, held=True)
        await spend(ledger, "4", "e/va", 8)
        ada, eva = f"{rule.name}/user/ada{model}", f"{rule.name}/user/e%2Fva{model}"
        assert await look(spending, rule) == {ada: (12, 9), eva: (8, 0)}
        assert await look(spending, rule, least=12) == {ada: (12, 9)}
        assert await look(spending, rule, least=13) == {}

    async def test_rolling_windows_of_one_length_are_told_apart(self, ledger: Ledger, spending: Spending) -> None:
        await spend(ledger, "1", "ada", 5)
        assert await look(spending, ROLLING) == {"bursts/user/ada": (5, 0)}
        assert await look(spending, OTHER_ROLLING) == {"others/team/te%2Fam": (5, 0)}

    async def test_a_rolling_window_adds_up_its_buckets_until_they_leave_it(
        self, ledger: Ledger, spending: Spending
    ) -> None:
        await spend(ledger, "1", "ada", 5)
        await spend(ledger, "2", "ada", 7, now=NOW + 5 * 3600 * NANO)
        assert await look(spending, ROLLING, now=NOW + 5 * 3600 * NANO) == {"bursts/user/ada": (12, 0)}
        assert await look(spending, ROLLING, now=NOW + 27 * 3600 * NANO) == {"bursts/user/ada": (7, 0)}
        assert await look(spending, ROLLING, now=NOW + 40 * 3600 * NANO) == {}

    async def test_the_period_before_is_looked_at_for_a_while(self, ledger: Ledger, spending: Spending) -> None:
        await spend(ledger, "1", "ada", 5)  # in November
        december = 1_701_400_000 * NANO  # a few hours into it
        await spend(ledger, "2", "eva", 3, now=december)
        assert await look(spending, MONTH, now=december) == {"monthly/user/eva": (3, 0)}
        both = {"monthly/user/ada": (5, 0), "monthly/user/eva": (3, 0)}
        assert await look(spending, MONTH, now=december, late=DAY) == both
        assert await look(spending, MONTH, now=december + 2 * DAY * NANO, late=DAY) == {"monthly/user/eva": (3, 0)}

    @pytest.mark.parametrize("rule", [MONTH, MODEL, ROLLING, TOTAL])
    async def test_one_account_is_found_among_those_that_begin_alike(
        self, ledger: Ledger, spending: Spending, rule: BudgetRule
    ) -> None:
        subjects = ("ada", "adam", "ad", "ada/m", "ada@x", "ada-1")
        for number, subject in enumerate(subjects):
            await spend(ledger, str(number), subject, 1 + number)
        (whole,) = looks(rule, "EUR", NOW, 0)
        for number, subject in enumerate(subjects):
            found = await spending.spent(narrowed(whole, subject), 0)
            assert [each.posted_nano for each in found if is_of(each, whole, subject)] == [1 + number]

    async def test_names_that_begin_alike_are_told_apart(self, ledger: Ledger, spending: Spending) -> None:
        alike = BudgetRule("month", Scope.USER, "*", 1_000)
        await spend(ledger, "1", "ada", 5)
        assert await look(spending, alike) == {}

    async def test_it_tells_of_top_ups_that_have_not_ended(self, ledger: Ledger, spending: Spending) -> None:
        over, lasting = (
            TopUp(each, "EUR/monthly/user/ada", 10, NOW, ends, "root", "fair")
            for each, ends in (("a", NOW), ("b", NOW + 2))
        )
        for each in (over, lasting, lasting):
            await ledger.top_up(each)
        assert await spending.top_ups(NOW) == [lasting]
        assert await spending.top_ups(NOW - 1) == [over, lasting]

    async def test_an_ended_top_up_is_told_of_no_more_and_has_left_nothing(
        self, ledger: Ledger, spending: Spending
    ) -> None:
        lasting = TopUp("t", "EUR/monthly/user/ada", 10, NOW - 5, NOW + 9, "root", "fair")
        await ledger.top_up(lasting)
        assert not await ledger.end_top_up("other", NOW)
        assert await ledger.end_top_up("t", NOW)
        assert await spending.top_ups(NOW) == []
        assert await spending.top_ups(NOW - 1) == [replace(lasting, ends_unix_nano=NOW)]
        assert not await ledger.end_top_up("t", NOW + 1)
        await ledger.top_up(lasting)  # said again: it stays ended
        assert await spending.top_ups(NOW) == []

    async def test_it_tells_how_full_quotas_were_when_they_were_last_touched(
        self, ledger: Ledger, spending: Spending
    ) -> None:
        assert await spending.quotas() == {}
        used = QuotaLine("requests/60/q/user/ada", "q", Unit.REQUESTS, 10, 60, 2)
        held = QuotaLine("tokens/60/t/user/ada", "t", Unit.TOKENS, 60, 60, 2)
        await ledger.reserve(replace(reservation("h1", 1), quotas=(used, held)))
        assert await spending.quotas() == {used.key: State(NOW + 12 * NANO, 0), held.key: State(0, 2 * NANO)}

    async def test_it_knows_who_has_ever_spent(self, ledger: Ledger, spending: Spending) -> None:
        await spend(ledger, "1", "ada", 5)
        assert await spending.has_account("monthly", "monthly/user/ada")
        assert await spending.has_account("models", "models/user/ada")
        assert not await spending.has_account("monthly", "monthly/user/ad")
        assert not await spending.has_account("monthly", "monthly/user/da")
        assert not await spending.has_account("models", "monthly/user/ada")
