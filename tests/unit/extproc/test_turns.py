import asyncio
from functools import partial
from itertools import pairwise

from gateway_ext.extproc.turns import Turns


def nothing() -> None:
    pass


class Rounds:
    """Of the event loop, counted."""

    def __init__(self) -> None:
        self.count = 0
        self._next()

    def _next(self) -> None:
        self.count += 1
        asyncio.get_running_loop().call_soon(self._next)


async def test_turns_come_in_the_order_they_were_asked_for_with_rounds_for_everything_else_between_them() -> None:
    turns, rounds = Turns(), Rounds()
    had: list[tuple[str, int]] = []

    async def stream(name: str) -> None:
        await turns.next(nothing)
        had.append((name, rounds.count))

    async with asyncio.TaskGroup() as group:
        for name in "abcdef":
            group.create_task(stream(name))
    assert [name for name, _ in had] == list("abcdef")
    numbers = [number for _, number in had]
    assert all(later - earlier >= 4 for earlier, later in pairwise(numbers))


async def test_a_round_has_one_turn_at_most_however_many_wait() -> None:
    turns, rounds = Turns(), Rounds()
    async with asyncio.TaskGroup() as group:
        for _ in range(500):
            group.create_task(turns.next(nothing))
    assert rounds.count > 4 * 499


async def test_who_goes_away_holds_nobody_up() -> None:
    turns = Turns()
    await turns.next(nothing)
    loop = asyncio.get_running_loop()
    gone, next_one = loop.create_task(turns.next(nothing)), loop.create_task(turns.next(nothing))
    await asyncio.sleep(0)
    gone.cancel()
    async with asyncio.timeout(5):
        await next_one
        await turns.next(nothing)


async def test_each_is_told_once_when_few_are_left_before_it_even_when_others_go_away() -> None:
    turns = Turns()
    told: list[int] = []
    loop = asyncio.get_running_loop()
    waiting = [loop.create_task(turns.next(partial(told.append, number))) for number in range(41)]
    await asyncio.sleep(0)
    assert told == list(range(1, 17))  # the first had its turn at once
    for gone in (3, 5, 20):
        waiting[gone].cancel()
    for number, each in enumerate(waiting):
        if number not in (3, 5, 20):
            await each
            assert set(told) >= set(range(1, min(41, number + 17)))
    assert told == list(range(1, 41))
