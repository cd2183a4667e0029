"""Whoever comes when, in virtual time: everybody gets an answer in time, and no more are admitted than the quota lets through."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from gateway_ext.budget.priorities import Priority, PriorityClass
from gateway_ext.errors import RateLimited
from tests.unit.budget.waiting_world import TEAM, Bucket, in_virtual_time

WAITS = st.sampled_from([0.0, 0.3, 1.0, 2.5])
CALLERS = st.lists(
    st.tuples(
        st.floats(0, 5),  # comes after so many seconds
        st.sampled_from(list(Priority)),
        st.integers(1, 9),  # weight
        WAITS,
        st.integers(0, 3),  # user
        st.integers(1, 4),  # takes
        st.booleans(),  # leaves before it is answered
    ),
    max_size=40,
)


@settings(max_examples=60)
@given(callers=CALLERS, is_empty=st.booleans())
def test_everybody_is_answered_in_time_and_no_more_is_admitted_than_there_is(
    callers: list[tuple[float, Priority, int, float, int, int, bool]], is_empty: bool
) -> None:
    bucket_size = 4
    line = replace(TEAM, limit=bucket_size, period_seconds=2)  # two a second

    async def test(bucket: Bucket) -> None:
        if is_empty:
            bucket.empty(line)
        loop = asyncio.get_running_loop()
        taken: dict[str, int] = {}

        async def call(number: int) -> None:
            comes, priority, weight, wait_seconds, user, amount, leaves = callers[number]
            await asyncio.sleep(comes)
            waits = PriorityClass(priority, weight, wait_seconds)
            taken[f"h{number}"] = amount
            asked = loop.create_task(
                bucket.ask(f"h{number}", replace(line, amount=amount), priority=waits, user=f"u{user}")
            )
            if leaves:
                await asyncio.sleep(wait_seconds / 2)
                asked.cancel()
            began = loop.time()
            await asyncio.wait([asked])
            assert loop.time() - began <= wait_seconds + 1e-6
            assert asked.cancelled() or asked.exception() is None or isinstance(asked.exception(), RateLimited)

        await asyncio.gather(*map(call, range(len(callers))))
        for first in range(len(bucket.granted)):
            began = bucket.granted[first][0]
            for last in range(first, len(bucket.granted)):
                amount = sum(taken[name] for _, name in bucket.granted[first : last + 1])
                assert amount <= bucket_size + 2 * (bucket.granted[last][0] - began) + 1e-3

    in_virtual_time(test)
