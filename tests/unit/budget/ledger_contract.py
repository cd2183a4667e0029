"""What every ledger must do, whatever it is stored in. A backend's test file subclasses it and gives the fixtures.

`ledger`: an open, empty ledger. `balances`: a callable giving {account key: (held_nano, posted_nano)}.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections.abc import Callable

import pytest

from gateway_ext.budget.rules import AccountLine, Settled, Settlement, TopUp
from gateway_ext.errors import BudgetExhausted, InternalFailure
from gateway_ext.exchange import Hold, Usage
from gateway_ext.ports import Ledger
from tests.unit.budget.quota_contract import QuotaContract
from tests.unit.budget.reservations import NOW, PRICES, TTL, reservation

Balances = Callable[[], dict[str, tuple[int, int]]]

USER = AccountLine("user", "per-user", 1_000, resets_in_seconds=3_600)
TEAM = AccountLine("team", "per-team", 100, resets_in_seconds=3_600)


class LedgerContract(QuotaContract):
    # --- reserve ------------------------------------------------------------------------------------------------

    async def test_reserve_holds_the_amount_on_every_line(self, ledger: Ledger, balances: Balances) -> None:
        assert await ledger.reserve(reservation("h1", 60, USER, TEAM)) == Hold("h1", 60, "EUR")
        assert balances() == {"user": (60, 0), "team": (60, 0)}

    async def test_the_last_unit_can_be_held_and_not_one_more(self, ledger: Ledger, balances: Balances) -> None:
        await ledger.reserve(reservation("h1", 999))
        await ledger.reserve(reservation("h2", 1))
        with pytest.raises(BudgetExhausted):
            await ledger.reserve(reservation("h3", 1))
        assert balances() == {"user": (1_000, 0)}

    async def test_a_line_without_room_leaves_the_others_untouched(self, ledger: Ledger, balances: Balances) -> None:
        await ledger.reserve(reservation("h1", 60, USER, TEAM))
        with pytest.raises(BudgetExhausted, match="'per-team'"):
            await ledger.reserve(reservation("h2", 60, USER, TEAM))
        assert balances() == {"user": (60, 0), "team": (60, 0)}
        assert await ledger.post("h2", None, "eu/model", "test") is None

    async def test_a_refused_reservation_succeeds_once_there_is_room(self, ledger: Ledger, balances: Balances) -> None:
        await ledger.reserve(reservation("h1", 1_000))
        with pytest.raises(BudgetExhausted):
            await ledger.reserve(reservation("h2", 10))
        await ledger.void("h1", "test")
        assert await ledger.reserve(reservation("h2", 10)) == Hold("h2", 10, "EUR")
        assert balances() == {"user": (10, 0)}

    async def test_a_request_that_costs_nothing_needs_no_room(self, ledger: Ledger) -> None:
        await ledger.reserve(reservation("h1", 1_000))
        assert await ledger.reserve(reservation("h2", 0)) == Hold("h2", 0, "EUR")

    async def test_an_amount_above_the_limit_is_refused_on_first_use(self, ledger: Ledger, balances: Balances) -> None:
        with pytest.raises(BudgetExhausted):
            await ledger.reserve(reservation("h1", 1_001))
        assert sum(held + posted for held, posted in balances().values()) == 0

    async def test_no_amount_is_too_large_to_be_refused(self, ledger: Ledger) -> None:
        with pytest.raises(BudgetExhausted):
            await ledger.reserve(reservation("h1", 10**40, limit_nano=10**60))

    async def test_limits_beyond_the_arithmetic_work(self, ledger: Ledger, balances: Balances) -> None:
        await ledger.reserve(reservation("h1", 10**18, limit_nano=10**60))
        with pytest.raises(BudgetExhausted):
            await ledger.reserve(reservation("h2", 10**18, limit_nano=10**60))
        assert balances() == {"user": (10**18, 0)}

    @pytest.mark.parametrize(
        ("resets_in_seconds", "retry_after_seconds"), [(3_600, 3_600), (86_400, 86_400), (86_401, None), (None, None)]
    )
    async def test_the_refusal_tells_when_to_come_back_within_a_day(
        self, ledger: Ledger, resets_in_seconds: int | None, retry_after_seconds: int | None
    ) -> None:
        with pytest.raises(BudgetExhausted) as refusal:
            await ledger.reserve(reservation("h1", 2, AccountLine("user", "per-user", 1, resets_in_seconds)))
        assert refusal.value.retry_after_seconds == retry_after_seconds

    async def test_a_refusal_tells_the_least_room_of_the_hard_lines(self, ledger: Ledger, balances: Balances) -> None:
        soft = AccountLine("a-soft", "soft", 10, is_hard=False)
        tight = AccountLine("z-tight", "per-key", 50)  # refuses none of these, and has less left than the one that does
        await ledger.reserve(reservation("h1", 35, soft, USER, TEAM, tight))
        for lines in ((soft, USER, TEAM, tight), (tight, TEAM, USER, soft)):
            with pytest.raises(BudgetExhausted) as refusal:
                await ledger.reserve(reservation("h2", 66, *lines))
            assert (refusal.value.rule, refusal.value.room_nano) == ("per-key", 15)
        with pytest.raises(BudgetExhausted) as refusal:
            await ledger.reserve(reservation("h3", 66, soft, USER, TEAM))
        assert (refusal.value.rule, refusal.value.room_nano) == ("per-team", 65)
        assert (await ledger.reserve(reservation("h4", 65, soft, USER, TEAM))).amount_nano == 65
        with pytest.raises(BudgetExhausted) as refusal:
            await ledger.reserve(reservation("h5", 1, USER, TEAM))
        assert refusal.value.room_nano == 0
        assert balances() == {"a-soft": (100, 0), "user": (100, 0), "team": (100, 0), "z-tight": (35, 0)}

    async def test_the_room_counts_top_ups_other_buckets_and_what_is_carried_over(self, ledger: Ledger) -> None:
        await ledger.reserve(reservation("h1", 600, AccountLine("m1", "monthly", 1_000)))
        monthly = AccountLine("m2", "monthly", 1_000, budget="monthly", before="m1", carries_max_nano=250)
        with pytest.raises(BudgetExhausted) as refusal:
            await ledger.reserve(reservation("h2", 5_000, monthly))  # nobody has used it before
        assert refusal.value.room_nano == 1_250
        await ledger.top_up(TopUp("t1", "monthly", 300, NOW, NOW + 1, "grace", "launch week"))
        await ledger.reserve(reservation("h3", 150, AccountLine("b1", "rolling", 2_000)))
        rolling = AccountLine("b2", "rolling", 2_000, others=("b1", "b0"))
        with pytest.raises(BudgetExhausted) as refusal:
            await ledger.reserve(reservation("h4", 5_000, rolling, monthly))
        assert refusal.value.room_nano == 1_550
        await ledger.reserve(reservation("h5", 500, rolling))
        with pytest.raises(BudgetExhausted) as refusal:
            await ledger.reserve(reservation("h6", 5_000, monthly, rolling))
        assert refusal.value.room_nano == 1_350
        await ledger.reserve(reservation("h7", 1_350, monthly, rolling))

    async def test_what_is_beyond_the_arithmetic_has_no_known_room(self, ledger: Ledger) -> None:
        with pytest.raises(BudgetExhausted) as refusal:
            await ledger.reserve(reservation("h1", 10**40, limit_nano=10**60))
        assert refusal.value.room_nano is None

    async def test_a_lowered_limit_refuses_new_holds_and_keeps_old_ones(
        self, ledger: Ledger, balances: Balances
    ) -> None:
        await ledger.reserve(reservation("h1", 800))
        with pytest.raises(BudgetExhausted):
            await ledger.reserve(reservation("h2", 1, limit_nano=500))
        settled = await ledger.post("h1", Usage(600, 0), "eu/model", "test")
        assert settled is not None
        assert settled.cost_nano == 600
        await ledger.reserve(reservation("h3", 400))
        assert balances() == {"user": (400, 600)}

    @pytest.mark.parametrize("closing", ["open", "post", "void", "expire"])
    async def test_reserving_again_is_the_same_hold(self, ledger: Ledger, balances: Balances, closing: str) -> None:
        await ledger.reserve(reservation("h1", 1_000))
        await close(ledger, closing, "h1")
        before = balances()
        assert await ledger.reserve(reservation("h1", 1_000)) == Hold("h1", 1_000, "EUR")
        assert await ledger.reserve(reservation("h1", 7)) == Hold("h1", 1_000, "EUR")
        assert balances() == before

    async def test_a_reservation_without_account_or_price_is_a_fault_of_ours(self, ledger: Ledger) -> None:
        with pytest.raises(InternalFailure):
            await ledger.reserve(reservation("h1", 1, prices={}))
        with pytest.raises(InternalFailure):
            await ledger.reserve(reservation("h2", -1))

    # --- soft, rolling, carried over, topped up -------------------------------------------------------------------

    async def test_a_soft_budget_counts_and_refuses_nobody(self, ledger: Ledger, balances: Balances) -> None:
        soft = AccountLine("soft", "per-team", 50, is_hard=False)
        assert (await ledger.reserve(reservation("h1", 50, USER, soft))).over == ()
        assert (await ledger.reserve(reservation("h2", 1, USER, soft))).over == ("per-team",)
        assert balances() == {"user": (51, 0), "soft": (51, 0)}
        with pytest.raises(BudgetExhausted, match="'per-user'"):
            await ledger.reserve(reservation("h3", 1_000, soft, USER))
        assert balances() == {"user": (51, 0), "soft": (51, 0)}

    async def test_a_soft_budget_may_be_exceeded_at_once(self, ledger: Ledger, balances: Balances) -> None:
        assert (await ledger.reserve(reservation("h1", 60, AccountLine("soft", "s", 50, is_hard=False)))).over == ("s",)
        assert balances() == {"soft": (60, 0)}

    async def test_earlier_buckets_of_a_rolling_window_count(self, ledger: Ledger, balances: Balances) -> None:
        await ledger.reserve(reservation("h1", 600, AccountLine("b1", "rolling", 1_000)))
        await ledger.reserve(reservation("h2", 300, AccountLine("b2", "rolling", 1_000, others=("b1", "b0"))))
        third = AccountLine("b3", "rolling", 1_000, others=("b2", "b1"))
        with pytest.raises(BudgetExhausted):
            await ledger.reserve(reservation("h3", 101, third))
        await ledger.post("h1", Usage(500, 0), "eu/model", "test")
        await ledger.reserve(reservation("h4", 200, third))
        with pytest.raises(BudgetExhausted):
            await ledger.reserve(reservation("h5", 1, third))
        await ledger.reserve(reservation("h6", 500, AccountLine("b4", "rolling", 1_000, others=("b3", "b2"))))
        assert {key: sum(amounts) for key, amounts in balances().items()} == {
            "b1": 500,
            "b2": 300,
            "b3": 200,
            "b4": 500,
        }

    @pytest.mark.parametrize(("most", "carried"), [(1_000, 400), (150, 150), (0, 0)])
    async def test_what_a_period_leaves_is_carried_over(self, ledger: Ledger, most: int, carried: int) -> None:
        await ledger.reserve(reservation("h1", 500, AccountLine("m1", "monthly", 1_000)))
        await ledger.post("h1", Usage(400, 0), "eu/model", "test")
        await ledger.reserve(reservation("h2", 200, AccountLine("m1", "monthly", 1_000)))  # open: taken as spent
        second = AccountLine("m2", "monthly", 1_000, before="m1", carries_max_nano=most)
        with pytest.raises(BudgetExhausted):
            await ledger.reserve(reservation("h3", 1_001 + carried, second))
        await ledger.reserve(reservation("h4", 1_000 + carried, second))
        with pytest.raises(BudgetExhausted):
            await ledger.reserve(reservation("h5", 1, second))

    async def test_what_was_carried_over_and_not_used_is_carried_on(self, ledger: Ledger) -> None:
        await ledger.reserve(reservation("h1", 400, AccountLine("m1", "monthly", 1_000)))
        await ledger.reserve(
            reservation("h2", 100, AccountLine("m2", "monthly", 1_000, before="m1", carries_max_nano=9_999))
        )
        third = AccountLine("m3", "monthly", 1_000, before="m2", carries_max_nano=9_999)
        await ledger.reserve(reservation("h3", 2_500, third))
        with pytest.raises(BudgetExhausted):
            await ledger.reserve(reservation("h4", 1, third))

    async def test_what_was_handed_over_cannot_be_spent_by_a_request_that_comes_late(self, ledger: Ledger) -> None:
        await ledger.reserve(reservation("h1", 400, AccountLine("m1", "monthly", 1_000)))
        await ledger.reserve(
            reservation("h2", 1, AccountLine("m2", "monthly", 1_000, before="m1", carries_max_nano=500))
        )
        with pytest.raises(BudgetExhausted):
            await ledger.reserve(reservation("h3", 101, AccountLine("m1", "monthly", 1_000)))
        await ledger.reserve(reservation("h4", 100, AccountLine("m1", "monthly", 1_000)))

    async def test_a_late_request_finds_what_the_next_bucket_has_granted(self, ledger: Ledger) -> None:
        await ledger.reserve(reservation("h1", 800, AccountLine("b2", "rolling", 1_000, others=("b1", "b3"))))
        with pytest.raises(BudgetExhausted):
            await ledger.reserve(reservation("h2", 201, AccountLine("b1", "rolling", 1_000, others=("b0", "b2"))))

    @pytest.mark.parametrize("before", ["", "never-used"])
    async def test_nothing_comes_from_a_period_without_an_account(self, ledger: Ledger, before: str) -> None:
        line = AccountLine("m1", "monthly", 1_000, before=before, carries_max_nano=9_999)
        with pytest.raises(BudgetExhausted):
            await ledger.reserve(reservation("h1", 1_001, line))

    async def test_an_overspent_period_carries_nothing(self, ledger: Ledger) -> None:
        await ledger.reserve(reservation("h1", 900, AccountLine("m1", "monthly", 1_000)))
        await ledger.post("h1", Usage(5_000, 0), "eu/model", "test")
        second = AccountLine("m2", "monthly", 1_000, before="m1", carries_max_nano=9_999)
        await ledger.reserve(reservation("h2", 1_000, second))
        with pytest.raises(BudgetExhausted):
            await ledger.reserve(reservation("h3", 1, second))

    @pytest.mark.parametrize(
        ("begins", "ends", "counts"),
        [(NOW, NOW + 1, True), (NOW - 5, NOW + 5, True), (NOW - 5, NOW, False), (NOW + 1, NOW + 5, False)],
    )
    async def test_a_top_up_counts_while_it_lasts(self, ledger: Ledger, begins: int, ends: int, counts: bool) -> None:
        line = AccountLine("user", "per-user", 1_000, budget="EUR/per-user/user/ada")
        await ledger.top_up(TopUp("t1", line.budget, 300, begins, ends, "grace", "launch week"))
        await ledger.top_up(TopUp("t1", line.budget, 300, begins, ends, "grace", "said twice"))
        await ledger.top_up(TopUp("t2", "EUR/per-user/user/bob", 5_000, begins, ends, "grace", "somebody else's"))
        await ledger.reserve(reservation("h1", 1_000, line))
        with pytest.raises(BudgetExhausted):
            await ledger.reserve(reservation("h2", 301, line))
        if counts:
            await ledger.reserve(reservation("h3", 300, line))
        else:
            with pytest.raises(BudgetExhausted):
                await ledger.reserve(reservation("h3", 1, line))

    @pytest.mark.parametrize("amount", [0, -1, 10**16])
    async def test_a_top_up_is_a_plausible_amount(self, ledger: Ledger, amount: int) -> None:
        with pytest.raises(InternalFailure):
            await ledger.top_up(TopUp("t1", "b", amount, NOW, NOW + 1, "grace", "typo"))

    # --- settle -------------------------------------------------------------------------------------------------

    async def test_post_replaces_the_hold_by_the_cost(self, ledger: Ledger, balances: Balances) -> None:
        await ledger.reserve(reservation("h1", 60, USER, TEAM))
        settled = await ledger.post(
            "h1", Usage(20, 5, cached_input_tokens=8), "eu/model", "response", ("client_aborted",)
        )
        assert settled == Settled(
            hold_id="h1",
            state="posted",
            usage=Usage(20, 5, cached_input_tokens=8),
            cost_nano=17,
            currency="EUR",
            settled_by="response",
            is_first=True,
            cluster="eu/model",
            flags=("client_aborted",),
        )
        assert balances() == {"user": (0, 17), "team": (0, 17)}

    async def test_the_price_is_the_one_of_the_cluster_that_answered(self, ledger: Ledger) -> None:
        await ledger.reserve(reservation("h1", 100))
        settled = await ledger.post("h1", Usage(5, 5), "us/model", "test")
        assert settled is not None
        assert (settled.cost_nano, settled.flags) == (100, ())

    async def test_an_unknown_cluster_costs_the_dearest_price(self, ledger: Ledger) -> None:
        await ledger.reserve(reservation("h1", 100))
        settled = await ledger.post("h1", Usage(5, 5), "elsewhere/model", "test")
        assert settled is not None
        assert (settled.cost_nano, settled.flags) == (100, ("cluster_unknown",))

    async def test_unknown_usage_costs_the_whole_hold(self, ledger: Ledger, balances: Balances) -> None:
        await ledger.reserve(reservation("h1", 60))
        settled = await ledger.post("h1", None, "eu/model", "access_log")
        assert settled is not None
        assert (settled.cost_nano, settled.usage, settled.flags) == (60, None, ("usage_estimated",))
        assert balances() == {"user": (0, 60)}

    async def test_a_cost_above_the_hold_is_charged_and_stops_the_next_request(
        self, ledger: Ledger, balances: Balances
    ) -> None:
        await ledger.reserve(reservation("h1", 900))
        settled = await ledger.post("h1", Usage(1_200, 0), "eu/model", "test")
        assert settled is not None
        assert (settled.cost_nano, settled.flags) == (1_200, ("over_hold",))
        with pytest.raises(BudgetExhausted):
            await ledger.reserve(reservation("h2", 0))
        assert balances() == {"user": (0, 1_200)}

    @pytest.mark.parametrize("usage", [Usage(-1, 0), Usage(0, 10**30), Usage(10, 1, cached_input_tokens=-5)])
    async def test_figures_that_cannot_be_true_are_not_used(self, ledger: Ledger, usage: Usage) -> None:
        await ledger.reserve(reservation("h1", 60))
        settled = await ledger.post("h1", usage, "eu/model", "test")
        assert settled is not None
        assert (settled.cost_nano, settled.usage) == (60, None)
        assert settled.flags == ("usage_implausible", "usage_estimated")

    async def test_void_releases_the_hold(self, ledger: Ledger, balances: Balances) -> None:
        await ledger.reserve(reservation("h1", 60, USER, TEAM))
        settled = await ledger.void("h1", "pipeline", ("refused",))
        assert settled == Settled("h1", "void", None, 0, "EUR", "pipeline", True, "", ("refused",))
        assert balances() == {"user": (0, 0), "team": (0, 0)}

    async def test_there_is_nothing_to_settle_without_a_hold(self, ledger: Ledger, balances: Balances) -> None:
        assert await ledger.post("nobody", Usage(1, 1), "eu/model", "test") is None
        assert await ledger.void("nobody", "test") is None
        assert balances() == {}

    async def test_the_price_is_the_one_of_the_reservation(self, ledger: Ledger) -> None:
        await ledger.reserve(reservation("h1", 100, prices={"eu/model": PRICES["us/model"]}))
        await ledger.reserve(reservation("h1", 100))  # a retry under a new price list
        settled = await ledger.post("h1", Usage(1, 1), "eu/model", "test")
        assert settled is not None
        assert settled.cost_nano == 20

    # --- expire -------------------------------------------------------------------------------------------------

    async def test_expired_holds_are_settled_by_their_worst_case(self, ledger: Ledger, balances: Balances) -> None:
        await ledger.reserve(reservation("late", 60))
        await ledger.reserve(reservation("early", 30, expires_unix_nano=NOW + TTL + 1))
        assert await ledger.expire(NOW + TTL - 1) == []
        assert await ledger.expire(NOW + TTL) == [
            Settled("late", "expired", None, 60, "EUR", "expiry", True, "", ("recovered", "usage_estimated"))
        ]
        assert balances() == {"user": (30, 60)}
        assert await ledger.expire(NOW + TTL) == []

    async def test_expiry_goes_on_in_batches_oldest_first(self, ledger: Ledger) -> None:
        for number in range(5):
            await ledger.reserve(reservation(f"h{number}", 1, expires_unix_nano=NOW - number))
        batches = [[settled.hold_id for settled in await ledger.expire(NOW, limit=2)] for _ in range(4)]
        assert batches == [["h4", "h3"], ["h2", "h1"], ["h0"], []]

    async def test_concurrent_sweepers_settle_each_hold_once(self, ledger: Ledger) -> None:
        for number in range(20):
            await ledger.reserve(reservation(f"h{number}", 1, expires_unix_nano=NOW))
        batches = await asyncio.gather(*(ledger.expire(NOW, limit=7) for _ in range(8)))
        assert sorted(settled.hold_id for batch in batches for settled in batch) == sorted(f"h{n}" for n in range(20))

    # --- any order, any repetition ------------------------------------------------------------------------------

    @pytest.mark.parametrize("closing", ["post", "void", "post_unknown"])
    async def test_closing_again_returns_the_first_figures(
        self, ledger: Ledger, balances: Balances, closing: str
    ) -> None:
        await ledger.reserve(reservation("h1", 60))
        first = await close(ledger, closing, "h1")
        before = balances()
        again = await close(ledger, closing, "h1")
        assert first is not None
        assert again == Settled(
            hold_id="h1",
            state=first.state,
            usage=first.usage,
            cost_nano=first.cost_nano,
            currency="EUR",
            settled_by=first.settled_by,
            is_first=False,
            cluster=first.cluster,
            flags=first.flags,
        )
        assert await ledger.expire(NOW + TTL) == []
        assert balances() == before

    async def test_void_after_post_has_no_effect(self, ledger: Ledger, balances: Balances) -> None:
        await ledger.reserve(reservation("h1", 60))
        await ledger.post("h1", Usage(10, 0), "eu/model", "response")
        settled = await ledger.void("h1", "access_log")
        assert settled is not None
        assert (settled.state, settled.cost_nano, settled.settled_by, settled.is_first) == (
            "posted",
            10,
            "response",
            False,
        )
        assert balances() == {"user": (0, 10)}

    async def test_usage_after_expiry_corrects_the_books_once(self, ledger: Ledger, balances: Balances) -> None:
        await ledger.reserve(reservation("h1", 60))
        await ledger.expire(NOW + TTL)
        settled = await ledger.post("h1", Usage(10, 0), "eu/model", "access_log")
        assert settled == Settled(
            "h1", "posted", Usage(10, 0), 10, "EUR", "access_log", True, "eu/model", ("corrected",)
        )
        again = await ledger.post("h1", Usage(50, 0), "eu/model", "access_log")
        assert again is not None
        assert (again.cost_nano, again.is_first) == (10, False)
        assert balances() == {"user": (0, 10)}

    async def test_void_after_expiry_gives_the_money_back(self, ledger: Ledger, balances: Balances) -> None:
        await ledger.reserve(reservation("h1", 60))
        await ledger.expire(NOW + TTL)
        settled = await ledger.void("h1", "access_log", ("no_upstream",))
        assert settled is not None
        assert (settled.state, settled.cost_nano, settled.flags) == ("void", 0, ("no_upstream", "corrected"))
        assert balances() == {"user": (0, 0)}

    async def test_better_figures_replace_an_estimate(self, ledger: Ledger, balances: Balances) -> None:
        await ledger.reserve(reservation("h1", 60))
        estimated = await ledger.post("h1", Usage(40, 0, is_estimated=True), "eu/model", "response")
        reported = await ledger.post("h1", Usage(25, 0), "eu/model", "access_log")
        assert estimated is not None
        assert reported is not None
        assert (estimated.cost_nano, estimated.flags) == (40, ("usage_estimated",))
        assert (reported.cost_nano, reported.flags) == (25, ("corrected",))
        assert balances() == {"user": (0, 25)}

    @pytest.mark.parametrize("order", list(itertools.permutations(["post", "post_estimated", "void", "expire"])))
    async def test_any_order_of_statements_ends_with_the_same_books(
        self, ledger: Ledger, balances: Balances, order: tuple[str, ...]
    ) -> None:
        await ledger.reserve(reservation("h1", 60))
        for closing in order:
            await close(ledger, closing, "h1")
        assert balances() == {"user": (0, 10)}

    # --- concurrency --------------------------------------------------------------------------------------------

    async def test_concurrent_requests_never_overspend(self, ledger: Ledger, balances: Balances) -> None:
        async def attempt(number: int) -> bool:
            try:
                await ledger.reserve(reservation(f"h{number}", 7, USER, TEAM))
            except BudgetExhausted:
                return False
            return True

        granted = await asyncio.gather(*map(attempt, range(1_000)))
        assert granted.count(True) == 14  # 14 × 7 = 98 of 100
        assert balances() == {"user": (98, 0), "team": (98, 0)}

    async def test_many_are_settled_as_one_by_one(self, ledger: Ledger, balances: Balances) -> None:
        for number in range(40):
            await ledger.reserve(reservation(f"h{number}", 1))
        settlements = [Settlement(f"h{number}", Usage(10, 0), "eu/model", "test") for number in range(0, 40, 2)]
        settlements += [Settlement(f"h{number}", None, "", "test", ("upstream_error",)) for number in range(1, 40, 2)]
        settled = await ledger.settle_all([*settlements, Settlement("unknown", None, "", "test")])
        assert [each.state if each else None for each in settled] == ["posted"] * 20 + ["void"] * 20 + [None]
        held, _ = balances()["user"]
        assert held == 0
        again = await ledger.settle_all(settlements)
        assert not any(each.is_first for each in again if each)
        assert await ledger.settle_all([]) == []

    async def test_a_cancelled_reserve_is_undone_by_a_void_after_it(self, ledger: Ledger, balances: Balances) -> None:
        reserving = asyncio.ensure_future(ledger.reserve(reservation("h1", 60)))  # noqa: TID251  (held right here)
        await asyncio.sleep(0)
        reserving.cancel()
        with contextlib.suppress(asyncio.CancelledError):  # a store may have answered at once
            await reserving
        settled = await ledger.void("h1", "pipeline", ("cancelled",))
        assert settled is not None
        assert (settled.state, settled.is_first) == ("void", True)
        assert balances() == {"user": (0, 0)}

    # --- top-ups ended early --------------------------------------------------------------------------------------

    async def test_of_an_ended_top_up_nothing_more_is_granted(self, ledger: Ledger) -> None:
        line = AccountLine("user", "per-user", 1_000, budget="EUR/per-user/user/ada")
        await ledger.top_up(TopUp("t1", "EUR/per-user/user/ada", 500, NOW - 1, NOW + TTL, "root", "fair"))
        await ledger.reserve(reservation("h1", 1_400, line))
        assert await ledger.end_top_up("t1", NOW)
        with pytest.raises(BudgetExhausted):
            await ledger.reserve(reservation("h2", 1, line))
        posted = await ledger.post("h1", Usage(900, 0), "eu/model", "test")
        assert posted is not None
        assert posted.cost_nano == 900
        await ledger.reserve(reservation("h3", 100, line))


async def close(ledger: Ledger, closing: str, hold_id: str) -> Settled | None:
    match closing:
        case "post":
            return await ledger.post(hold_id, Usage(10, 0), "eu/model", "test")
        case "post_estimated":
            return await ledger.post(hold_id, Usage(30, 0, is_estimated=True), "eu/model", "test")
        case "post_unknown":
            return await ledger.post(hold_id, None, "eu/model", "test")
        case "void":
            return await ledger.void(hold_id, "test")
        case "expire":
            return next(iter(await ledger.expire(NOW + TTL)), None)
    return None
