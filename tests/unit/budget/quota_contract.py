"""What every ledger must do about quotas. Part of the ledger's contract, whose backends give the fixture `ledger`."""

from __future__ import annotations

import asyncio
import itertools
from dataclasses import replace

import pytest

from gateway_ext.budget.quotas import QuotaLine
from gateway_ext.budget.rules import AccountLine, Reservation
from gateway_ext.errors import BudgetExhausted, RateLimited
from gateway_ext.exchange import Hold, Usage
from gateway_ext.limits import NANO
from gateway_ext.ports import Ledger
from gateway_ext.quota import Quota, Unit
from tests.unit.budget.reservations import NOW, TTL, reservation

REQUESTS = QuotaLine("requests/ada", "user-requests", Unit.REQUESTS, 10, 60, 1)
TOKENS = QuotaLine("tokens/team", "team-tokens", Unit.TOKENS, 1_000, 60, 100)
MONEY = QuotaLine("EUR/ada", "user-money", Unit.MONEY, 600, 60, 60)
CONCURRENT = QuotaLine("concurrent/ada", "user-concurrent", Unit.CONCURRENT, 2, 0, 1)

_numbers = itertools.count()


def asked(hold_id: str, *quotas: QuotaLine, after_seconds: float = 0, amount_nano: int = 60) -> Reservation:
    """A reservation of money that is never short, and of `quotas`."""
    return replace(
        reservation(hold_id, amount_nano, limit_nano=10**17),
        quotas=quotas,
        created_unix_nano=NOW + int(after_seconds * NANO),
    )


async def left(ledger: Ledger, line: QuotaLine, after_seconds: float = 0) -> int:
    """What a request that takes nothing finds."""
    probe = asked(f"probe{next(_numbers)}", replace(line, amount=0), after_seconds=after_seconds)
    if line.unit is Unit.CONCURRENT:
        hold = await ledger.reserve(replace(probe, quotas=(replace(line, limit=10**6),)))
        await ledger.void(hold.id, "test")
        return line.limit - (10**6 - hold.quotas[0].left - 1)
    hold = await ledger.reserve(probe)
    await ledger.void(hold.id, "test")
    return hold.quotas[0].left


class QuotaContract:
    async def test_a_bucket_is_emptied_and_refills(self, ledger: Ledger) -> None:
        for number in range(10):
            hold = await ledger.reserve(asked(f"h{number}", REQUESTS))
            (quota,) = hold.quotas
            assert quota == Quota(
                "user-requests",
                Unit.REQUESTS,
                10,
                9 - number,
                6 * (number + 1),
                NOW // NANO + 6 * (number + 1),
            )
        with pytest.raises(RateLimited, match="'user-requests'") as refusal:
            await ledger.reserve(asked("h10", REQUESTS))
        assert refusal.value.retry_after_seconds == 6
        assert [quota.left for quota in refusal.value.quotas] == [0]
        with pytest.raises(RateLimited):
            await ledger.reserve(asked("h10", REQUESTS, after_seconds=5.9))
        await ledger.reserve(asked("h10", REQUESTS, after_seconds=6))
        with pytest.raises(RateLimited):
            await ledger.reserve(asked("h11", REQUESTS, after_seconds=6))

    async def test_all_quotas_or_none(self, ledger: Ledger) -> None:
        await ledger.reserve(asked("h0", CONCURRENT, REQUESTS, replace(TOKENS, amount=901)))
        with pytest.raises(RateLimited, match="'team-tokens'") as refusal:
            await ledger.reserve(asked("h1", CONCURRENT, REQUESTS, TOKENS, MONEY))
        assert refusal.value.retry_after_seconds == 1
        assert [quota.left for quota in refusal.value.quotas] == [1, 9, 99, 600]
        assert await left(ledger, REQUESTS) == 9
        assert await left(ledger, CONCURRENT) == 1
        assert await ledger.void("h1", "test") is None

    async def test_the_longest_wait_is_told(self, ledger: Ledger) -> None:
        await ledger.reserve(asked("h0", replace(REQUESTS, amount=10), replace(TOKENS, amount=1_000)))
        for lines in ((REQUESTS, TOKENS), (TOKENS, REQUESTS)):
            with pytest.raises(RateLimited, match="'user-requests'") as refusal:
                await ledger.reserve(asked("h1", *lines))
            assert refusal.value.retry_after_seconds == 6

    async def test_what_can_never_fit_is_told_so(self, ledger: Ledger) -> None:
        for line in (replace(TOKENS, amount=1_001), replace(TOKENS, amount=10**30)):
            with pytest.raises(RateLimited, match="max_tokens") as refusal:
                await ledger.reserve(asked("h1", line))
            assert refusal.value.retry_after_seconds is None
        assert (await ledger.reserve(asked("h1", replace(TOKENS, amount=1_000)))).quotas[0].left == 0

    async def test_a_part_of_a_quota_is_a_quota_within_it(self, ledger: Ledger) -> None:
        half = replace(TOKENS, key=f"{TOKENS.key}/batch", limit=500)
        await ledger.reserve(asked("h1", replace(TOKENS, amount=500), replace(half, amount=500)))
        with pytest.raises(RateLimited) as refusal:
            await ledger.reserve(asked("h2", replace(TOKENS, amount=1), replace(half, amount=1)))
        assert refusal.value.waits_at == half.key
        await ledger.reserve(asked("h3", replace(TOKENS, amount=500)))

    async def test_only_what_is_short_of_shared_quotas_alone_may_wait(self, ledger: Ledger) -> None:
        own = replace(REQUESTS, is_shared=False)
        await ledger.reserve(asked("h1", replace(own, amount=10), replace(TOKENS, amount=950)))
        with pytest.raises(RateLimited) as refusal:
            await ledger.reserve(asked("h2", TOKENS))
        assert (refusal.value.waits_at, refusal.value.wait_seconds) == (TOKENS.key, 0.05)  # another one holds it
        with pytest.raises(RateLimited) as refusal:
            await ledger.reserve(asked("h2", TOKENS, own))
        assert refusal.value.waits_at == ""
        with pytest.raises(RateLimited) as refusal:
            await ledger.reserve(asked("h2", REQUESTS))
        assert (refusal.value.waits_at, refusal.value.wait_seconds) == (REQUESTS.key, 6.0)

    async def test_an_exhausted_budget_is_told_first_and_takes_nothing(self, ledger: Ledger) -> None:
        short = replace(reservation("h1", 60, AccountLine("broke", "per-user", 59)), quotas=(REQUESTS,))
        with pytest.raises(BudgetExhausted):
            await ledger.reserve(short)
        assert await left(ledger, REQUESTS) == 10

    async def test_reserving_again_takes_once(self, ledger: Ledger) -> None:
        await ledger.reserve(asked("h1", REQUESTS, CONCURRENT))
        assert await ledger.reserve(asked("h1", REQUESTS, CONCURRENT)) == Hold("h1", 60, "EUR")
        assert await left(ledger, REQUESTS) == 9
        assert await left(ledger, CONCURRENT) == 1

    # --- settling -------------------------------------------------------------------------------------------------

    async def test_what_was_not_used_is_given_back_once(self, ledger: Ledger) -> None:
        await ledger.reserve(asked("h1", TOKENS, MONEY, REQUESTS))
        await ledger.post("h1", Usage(20, 10, is_estimated=True), "eu/model", "response")
        await ledger.post("h1", Usage(1, 0), "eu/model", "access_log")  # corrects the books, not the quotas
        assert await left(ledger, TOKENS) == 970
        assert await left(ledger, MONEY) == 570
        assert await left(ledger, REQUESTS) == 9

    async def test_what_was_used_above_is_taken(self, ledger: Ledger) -> None:
        await ledger.reserve(asked("h1", TOKENS))
        await ledger.post("h1", Usage(300, 0), "eu/model", "response")
        assert await left(ledger, TOKENS) == 700
        await ledger.reserve(asked("h2", TOKENS))
        await ledger.post("h2", Usage(10**9, 0), "eu/model", "response")
        with pytest.raises(RateLimited) as refusal:
            await ledger.reserve(asked("h3", TOKENS))
        assert refusal.value.retry_after_seconds == 30  # no debt beyond one full bucket

    @pytest.mark.parametrize(("only_answered", "requests"), [(True, 10), (False, 9)])
    async def test_a_void_hold_gives_back_all_but_its_request(
        self, ledger: Ledger, only_answered: bool, requests: int
    ) -> None:
        line = replace(REQUESTS, only_answered=only_answered)
        await ledger.reserve(asked("h1", line, TOKENS, MONEY, CONCURRENT))
        await ledger.void("h1", "pipeline")
        await ledger.void("h1", "pipeline")
        assert [await left(ledger, each) for each in (line, TOKENS, MONEY, CONCURRENT)] == [requests, 1_000, 600, 2]

    async def test_unknown_usage_is_all_of_it(self, ledger: Ledger) -> None:
        await ledger.reserve(asked("h1", TOKENS, MONEY))
        await ledger.post("h1", None, "eu/model", "access_log")
        assert await left(ledger, TOKENS) == 900
        assert await left(ledger, MONEY) == 540

    async def test_what_is_held_is_not_refilled(self, ledger: Ledger) -> None:
        """Else a request that ends after a long time would give back what time has given back already."""
        await ledger.reserve(asked("h1", replace(TOKENS, amount=500), after_seconds=-600))
        with pytest.raises(RateLimited):
            await ledger.reserve(asked("h2", replace(TOKENS, amount=501)))
        await ledger.reserve(asked("h3", replace(TOKENS, amount=500)))
        await ledger.void("h1", "pipeline")
        assert await left(ledger, TOKENS) == 500

    async def test_many_that_end_together_all_give_back(self, ledger: Ledger) -> None:
        for number in range(10):
            await ledger.reserve(asked(f"h{number}", TOKENS, replace(CONCURRENT, limit=10)))
        with pytest.raises(RateLimited):
            await ledger.reserve(asked("h10", TOKENS))
        await asyncio.gather(*(ledger.void(f"h{number}", "test") for number in range(10)))
        assert await left(ledger, TOKENS) == 1_000
        assert await left(ledger, CONCURRENT) == 2

    # --- what is under way ----------------------------------------------------------------------------------------

    async def test_no_more_are_under_way_than_allowed(self, ledger: Ledger) -> None:
        await ledger.reserve(asked("h1", CONCURRENT))
        await ledger.reserve(asked("h2", CONCURRENT))
        with pytest.raises(RateLimited) as refusal:
            await ledger.reserve(asked("h3", CONCURRENT))
        assert refusal.value.retry_after_seconds == 1
        await ledger.post("h1", Usage(1, 1), "eu/model", "response")
        await ledger.post("h1", Usage(1, 1), "eu/model", "access_log")
        await ledger.reserve(asked("h3", CONCURRENT))
        with pytest.raises(RateLimited):
            await ledger.reserve(asked("h4", CONCURRENT))

    async def test_what_a_crash_left_under_way_ends_with_its_hold(self, ledger: Ledger) -> None:
        await ledger.reserve(asked("h1", CONCURRENT))
        await ledger.reserve(asked("h2", CONCURRENT))
        await ledger.expire(NOW + TTL)
        assert await left(ledger, CONCURRENT) == 2
        await ledger.void("h1", "access_log")
        assert await left(ledger, CONCURRENT) == 2

    async def test_none_may_be_under_way(self, ledger: Ledger) -> None:
        with pytest.raises(RateLimited):
            await ledger.reserve(asked("h1", replace(CONCURRENT, limit=0)))

    # --- many at once, and long after -----------------------------------------------------------------------------

    async def test_many_at_once_take_exactly_what_is_there(self, ledger: Ledger) -> None:
        lines = (replace(REQUESTS, limit=50), replace(TOKENS, amount=25), replace(CONCURRENT, limit=37))

        async def attempt(number: int) -> bool:
            order = lines if number % 2 else lines[::-1]
            try:
                await ledger.reserve(asked(f"h{number}", *order))
            except RateLimited:
                return False
            return True

        assert (await asyncio.gather(*map(attempt, range(200)))).count(True) == 37
        assert [await left(ledger, line) for line in lines] == [13, 75, 0]

    async def test_only_what_is_full_is_forgotten(self, ledger: Ledger) -> None:
        await ledger.reserve(asked("h1", REQUESTS))
        await ledger.reserve(asked("h2", CONCURRENT))
        assert await ledger.prune(NOW) == 0
        assert await ledger.prune(NOW + 6 * NANO) == 1
        assert await left(ledger, CONCURRENT) == 1
        await ledger.void("h2", "test")
        assert await ledger.prune(NOW) == 1
        assert (await ledger.reserve(asked("h3", REQUESTS, CONCURRENT))).quotas[0].left == 9
