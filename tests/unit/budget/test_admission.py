"""Waiting in line for a shared quota: on the event loop's own time, which passes as fast as the tests want."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Coroutine
from dataclasses import replace
from typing import Any

import pytest

from gateway_ext.budget.admission import Admission
from gateway_ext.budget.priorities import PriorityClass
from gateway_ext.budget.quotas import QuotaLine
from gateway_ext.budget.rules import Reservation
from gateway_ext.errors import BudgetExhausted, RateLimited
from gateway_ext.exchange import Hold
from gateway_ext.limits import NANO, QUOTA_WAITING_BYTES_MAX, QUOTA_WAITING_MAX
from tests.unit.budget.waiting_world import BATCH, INTERACTIVE, OWN, TEAM, Bucket, in_virtual_time


async def outcomes(*asks: Coroutine[Any, Any, Hold]) -> list[Hold | BaseException]:
    return await asyncio.gather(*asks, return_exceptions=True)


def test_who_finds_room_does_not_wait() -> None:
    async def test(bucket: Bucket) -> None:
        await bucket.ask("h1")
        assert bucket.granted == [(0.0, "h1")]

    in_virtual_time(test)


def test_who_waits_is_admitted_as_soon_as_there_is_room() -> None:
    async def test(bucket: Bucket) -> None:
        bucket.empty(TEAM)
        assert (await bucket.ask("h1")).id == "h1"
        assert bucket.granted[0][0] == pytest.approx(1.0)
        assert bucket.asked == 2

    in_virtual_time(test)


def test_whose_time_is_over_is_refused_and_told_when_to_come_back() -> None:
    async def test(bucket: Bucket) -> None:
        bucket.empty(TEAM)
        found = await outcomes(*(bucket.ask(f"h{number}", user=f"u{number}") for number in range(6)))
        assert [type(each) for each in found].count(Hold) == 2  # after one and after two seconds
        refused = [each for each in found if isinstance(each, RateLimited)]
        assert len(refused) == 4
        assert all(each.retry_after_seconds for each in refused)
        assert asyncio.get_running_loop().time() <= 2.5 + 1e-6

    in_virtual_time(test)


def test_what_cannot_be_there_in_time_is_not_waited_for() -> None:
    async def test(bucket: Bucket) -> None:
        bucket.empty(TEAM)
        with pytest.raises(RateLimited):
            await bucket.ask("h1", replace(TEAM, amount=10))
        assert asyncio.get_running_loop().time() < 0.01

    in_virtual_time(test)


@pytest.mark.parametrize("lines", [(OWN,), (TEAM, OWN)])
def test_a_quota_of_ones_own_is_not_waited_for(lines: tuple[QuotaLine, ...]) -> None:
    async def test(bucket: Bucket) -> None:
        bucket.empty(*lines)
        with pytest.raises(RateLimited):
            await bucket.ask("h1", *lines)
        assert asyncio.get_running_loop().time() == 0

    in_virtual_time(test)


def test_a_class_without_waiting_neither_waits_nor_overtakes() -> None:
    async def test(bucket: Bucket) -> None:
        bucket.empty(TEAM)
        loop = asyncio.get_running_loop()
        first = loop.create_task(bucket.ask("h1"))
        await asyncio.sleep(0.999)
        asked = bucket.asked
        with pytest.raises(RateLimited):
            await bucket.ask("hasty", priority=PriorityClass())
        assert bucket.asked == asked, "not asked for, because others wait"
        assert (await first).id == "h1"

    in_virtual_time(test)


@pytest.mark.parametrize("weights", [(3, 1), (8, 1), (1, 1), (1, 4)])
def test_classes_share_by_weight_and_none_starves(weights: tuple[int, int]) -> None:
    """Both ask for far more than there is, all the time."""

    async def test(bucket: Bucket) -> None:
        fast = replace(TEAM, limit=600, amount=1)  # ten a second
        bucket.empty(fast)
        served = Counter[str]()

        async def keep_asking(name: str, priority: PriorityClass) -> None:
            for number in range(200):
                if asyncio.get_running_loop().time() > 20:
                    return
                try:
                    await bucket.ask(f"{name}-{number}", fast, priority=priority, user=name)
                    served[name[0]] += 1
                except RateLimited:
                    pass

        interactive, batch = (
            replace(each, weight=weight) for each, weight in zip((INTERACTIVE, BATCH), weights, strict=True)
        )
        callers = [keep_asking(f"i{number}", interactive) for number in range(24)]
        callers += [keep_asking(f"b{number}", batch) for number in range(24)]
        await asyncio.gather(*callers)
        assert sum(served.values()) == pytest.approx(200, abs=30)
        assert served["i"] / served["b"] == pytest.approx(weights[0] / weights[1], rel=0.25)

    in_virtual_time(test)


def test_a_user_with_many_requests_does_not_push_others_back() -> None:
    async def test(bucket: Bucket) -> None:
        fast = replace(TEAM, limit=600)
        bucket.empty(fast)
        greedy = [bucket.ask(f"greedy-{number}", fast, user="greedy") for number in range(50)]
        modest = [bucket.ask("modest", fast, user="modest")]
        await outcomes(*greedy, *modest)
        places = [name for _, name in bucket.granted]
        assert places.index("modest") <= 2

    in_virtual_time(test)


def test_a_turn_that_is_cancelled_goes_to_the_next() -> None:
    async def test(bucket: Bucket) -> None:
        bucket.empty(TEAM)
        loop = asyncio.get_running_loop()
        tasks = [loop.create_task(bucket.ask(f"h{number}", user=f"u{number}")) for number in range(3)]
        await asyncio.sleep(0.5)
        tasks[0].cancel()
        tasks[1].cancel()
        assert (await tasks[2]).id == "h2"
        assert bucket.granted[0][0] == pytest.approx(1.0)
        await asyncio.wait(tasks)
        assert [task.cancelled() for task in tasks] == [True, True, False]

    in_virtual_time(test)


def test_in_another_line_when_another_quota_is_short() -> None:
    async def test(bucket: Bucket) -> None:
        house = replace(TEAM, key="house", rule="house")
        bucket.empty(TEAM, house)
        bucket.full["house"] += NANO // 2
        assert (await bucket.ask("h1", TEAM, house)).id == "h1"
        assert bucket.granted[0][0] == pytest.approx(1.5)

    in_virtual_time(test)


def test_other_refusals_end_a_turn() -> None:
    async def test(bucket: Bucket) -> None:
        async def broke(asked: Reservation) -> Hold:
            if asked.id == "broke" and asyncio.get_running_loop().time() > 0:
                raise BudgetExhausted
            return await bucket.reserve(asked)

        bucket.admission = Admission(broke, bucket.now_unix_nano)
        bucket.empty(TEAM)
        found = await outcomes(bucket.ask("broke"), bucket.ask("h2"))
        assert [type(each) for each in found] == [BudgetExhausted, Hold]

    in_virtual_time(test)


@pytest.mark.parametrize(
    ("count", "size"), [(QUOTA_WAITING_MAX, 1), (8, QUOTA_WAITING_BYTES_MAX // 8)], ids=["number", "memory"]
)
def test_no_more_wait_than_there_is_memory_for(count: int, size: int) -> None:
    async def test(bucket: Bucket) -> None:
        bucket.empty(TEAM)
        loop = asyncio.get_running_loop()
        tasks = [loop.create_task(bucket.ask(f"h{number}", size=size)) for number in range(count)]
        await asyncio.sleep(0.1)
        assert bucket.admission.waiting == count
        began = loop.time()
        with pytest.raises(RateLimited):
            await bucket.ask("one too many", size=size)
        assert loop.time() == began
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
        assert all(task.cancelled() for task in tasks)

    in_virtual_time(test)
