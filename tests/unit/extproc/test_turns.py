import asyncio

from gateway_ext.extproc.turns import Turns


async def test_turns_come_one_a_round_in_the_order_they_were_asked_for() -> None:
    turns = Turns()
    rounds = 0
    had: list[tuple[str, int]] = []

    def count() -> None:
        nonlocal rounds
        rounds += 1
        asyncio.get_running_loop().call_soon(count)

    async def stream(name: str) -> None:
        await turns.next()
        had.append((name, rounds))

    count()
    async with asyncio.TaskGroup() as group:
        for name in "abcdef":
            group.create_task(stream(name))
    assert [name for name, _ in had] == list("abcdef")
    assert len({number for _, number in had}) == 6  # so that between two of them everything else is done


async def test_who_goes_away_holds_nobody_up() -> None:
    turns = Turns()
    await turns.next()
    loop = asyncio.get_running_loop()
    gone, next_one = loop.create_task(turns.next()), loop.create_task(turns.next())
    await asyncio.sleep(0)
    gone.cancel()
    async with asyncio.timeout(5):
        await next_one
        await turns.next()


async def test_however_many_wait_nobody_does_for_long() -> None:
    turns = Turns()
    rounds = 0

    def count() -> None:
        nonlocal rounds
        rounds += 1
        asyncio.get_running_loop().call_soon(count)

    count()
    async with asyncio.TaskGroup() as group:
        for _ in range(500):
            group.create_task(turns.next())
    assert 8 < rounds < 50
