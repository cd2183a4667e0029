import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from gateway_ext import limits
from gateway_ext.extproc import events as e
from gateway_ext.extproc.inbox import Inbox

FIRST, SECOND, THIRD = (e.ResponseBody(word, end_of_stream=False) for word in (b"first ", b"second ", b"third"))


class Source:
    """Events as gRPC gives them: one read at a time, and cancelling one would end the call."""

    def __init__(self) -> None:
        self.queue: asyncio.Queue[e.Event] = asyncio.Queue()
        self.reads = 0
        self.cancelled = 0

    async def read(self) -> e.Event:
        self.reads += 1
        try:
            return await self.queue.get()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise

    def put(self, *events: e.Event) -> None:
        for event in events:
            self.queue.put_nowait(event)


@asynccontextmanager
async def inbox_of(source: Source) -> AsyncIterator[Inbox]:
    inbox = Inbox(source.read)
    yield inbox
    await inbox.close()


def future() -> asyncio.Future[None]:
    return asyncio.get_running_loop().create_future()


async def settled() -> None:
    """Until everything that can happen has happened."""
    for _ in range(200):
        await asyncio.sleep(0)


async def test_until_the_first_wait_nothing_is_read_ahead() -> None:
    source = Source()
    source.put(FIRST, SECOND)
    async with inbox_of(source) as inbox:
        assert await inbox.next() == FIRST
        await settled()
        assert source.reads == 1


async def test_what_interrupts_the_wait_loses_no_event() -> None:
    source, interruption = Source(), future()
    async with inbox_of(source) as inbox:
        asyncio.get_running_loop().call_soon(interruption.set_result, None)
        assert not await inbox.wait(interruption)
        source.put(FIRST)
        assert await inbox.wait(future())
        assert inbox.take() == [FIRST]
        assert source.cancelled == 0


async def test_events_that_are_there_come_before_what_interrupts() -> None:
    source, interruption = Source(), future()
    async with inbox_of(source) as inbox:
        assert not await inbox.wait(_done())
        source.put(FIRST)
        await settled()
        interruption.set_result(None)
        assert await inbox.wait(interruption)


async def test_an_interrupted_wait_goes_on_without_further_interruptions() -> None:
    source = Source()
    async with inbox_of(source) as inbox:
        assert not await inbox.wait(_done())
        waiting = asyncio.get_running_loop().create_task(inbox.wait(None))
        await settled()
        assert not waiting.done()
        source.put(FIRST)
        assert await waiting


async def test_what_came_while_nobody_asked_is_taken_as_one() -> None:
    source = Source()
    end = e.ResponseBody(b"", end_of_stream=True)
    async with inbox_of(source) as inbox:
        source.put(FIRST, SECOND, THIRD, end, e.StreamEnded())
        assert await inbox.wait(None)
        inbox.read_on()
        await settled()
        assert inbox.take() == [e.ResponseBody(b"first second third", end_of_stream=True), e.StreamEnded()]
        assert source.reads == 5  # nothing comes behind the end


async def test_one_event_is_read_until_it_is_told_to_read_on() -> None:
    source = Source()
    source.put(FIRST, SECOND, THIRD)
    async with inbox_of(source) as inbox:
        for event in (FIRST, SECOND):
            assert await inbox.wait(None)
            await settled()
            assert inbox.take() == [event]
        assert source.reads == 2
        await settled()
        inbox.read_on()  # for this time only
        source.put(FIRST)
        await settled()
        assert inbox.take() == [e.ResponseBody(b"thirdfirst ", end_of_stream=False)]
        source.put(FIRST, SECOND)
        await settled()
        assert source.reads == 5


@pytest.mark.parametrize(("limit", "reads"), [("STREAM_AHEAD_EVENTS_MAX", 3), ("STREAM_AHEAD_BYTES_MAX", 1)])
async def test_no_more_is_read_ahead_than_there_is_room_for(
    limit: str, reads: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, limit, 3)
    source = Source()
    source.put(*[FIRST] * 10)
    async with inbox_of(source) as inbox:
        for times in (1, 2):
            assert await inbox.wait(None)
            inbox.read_on()
            await settled()
            assert source.reads == times * reads
            assert inbox.take() == [e.ResponseBody(FIRST.body * reads, end_of_stream=False)]


async def test_an_error_of_the_read_is_the_callers() -> None:
    async def fails() -> e.Event:
        raise ConnectionError("gone")

    inbox = Inbox(fails)
    with pytest.raises(ConnectionError):
        await inbox.wait(future())
    with pytest.raises(ConnectionError):
        await Inbox(fails).next()
    await inbox.close()


async def test_a_time_out_of_the_wait_leaves_the_read_alone() -> None:
    source = Source()
    inbox = Inbox(source.read)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await inbox.wait(future())
    assert source.cancelled == 0
    source.put(FIRST)
    assert await inbox.wait(None)
    assert inbox.take() == [FIRST]
    await settled()
    await inbox.close()
    assert source.cancelled == 1


def _done() -> asyncio.Future[None]:
    done = future()
    done.set_result(None)
    return done
