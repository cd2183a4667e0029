import asyncio

import pytest

from gateway_ext.extproc.inbox import Inbox


class Source:
    """Messages as gRPC gives them: one read at a time, and cancelling one would end the call."""

    def __init__(self) -> None:
        self.queue: asyncio.Queue[str] = asyncio.Queue()
        self.reads = 0
        self.cancelled = 0

    async def read(self) -> str:
        self.reads += 1
        try:
            return await self.queue.get()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise


def future() -> asyncio.Future[None]:
    return asyncio.get_running_loop().create_future()


async def test_what_interrupts_the_wait_loses_no_message() -> None:
    source, interruption = Source(), future()
    inbox = Inbox(source.read)
    asyncio.get_running_loop().call_later(0.01, interruption.set_result, None)
    assert await inbox.next(interruption) is None
    source.queue.put_nowait("first")
    assert await inbox.next(future()) == "first"
    source.queue.put_nowait("second")
    assert await inbox.next(None) == "second"
    assert (source.reads, source.cancelled) == (2, 0)
    await inbox.close()


async def test_a_message_that_is_there_comes_before_what_interrupts() -> None:
    source, interruption = Source(), future()
    inbox = Inbox(source.read)
    waiting = asyncio.get_running_loop().create_task(inbox.next(interruption))
    await asyncio.sleep(0)
    source.queue.put_nowait("first")
    assert await waiting == "first"
    assert not interruption.done()


async def test_an_interrupted_read_goes_on_without_further_interruptions() -> None:
    source, interruption = Source(), future()
    inbox = Inbox(source.read)
    interruption.set_result(None)
    assert await inbox.next(interruption) is None
    source.queue.put_nowait("first")
    assert await inbox.next(None) == "first"


async def test_an_error_of_the_read_is_the_caller_s() -> None:
    async def fails() -> str:
        raise ConnectionError("gone")

    with pytest.raises(ConnectionError):
        await Inbox(fails).next(future())


async def test_a_time_out_of_the_wait_leaves_the_read_alone() -> None:
    source = Source()
    inbox = Inbox(source.read)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await inbox.next(future())
    assert source.cancelled == 0
    await inbox.close()
    assert source.cancelled == 1
