"""SIGTERM under open streams: no new ones, those under way are finished within the grace, what is left is cut."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from tests.envoy.faulty_processor import DRAIN_SECONDS
from tests.envoy.stage import STREAM, Seen, Stage, running_stage

pytestmark = pytest.mark.envoy

SHORT, LONG = 60, 20  # streams that end within the grace, and streams that do not
SHORT_PAUSE_SECONDS, LONG_PAUSE_SECONDS = 0.1, 0.6


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    async with running_stage(tmp_path) as running:
        await running.prepare("")
        yield running


async def begin(stage: Stage, count: int, pause_seconds: float) -> list[asyncio.Task[Seen]]:
    """So many streams, all of which the provider has begun to answer."""
    stage.provider.pause_seconds = pause_seconds
    before = stage.provider.answers
    loop = asyncio.get_running_loop()
    tasks = [loop.create_task(stage.ask(is_stream=True)) for _ in range(count)]
    deadline = time.monotonic() + 10
    while stage.provider.answers < before + count:
        assert time.monotonic() < deadline
        await asyncio.sleep(0.01)
    return tasks


async def until_unready(stage: Stage) -> float:
    """The seconds until Envoy sends no new stream to the processor."""
    started, refused = time.monotonic(), 0
    url = f"http://127.0.0.1:{stage.envoy.ports.health}/healthz"
    async with httpx.AsyncClient(trust_env=False, verify=False) as client:
        while refused < 5:  # one may be a slow health check of a busy machine
            refused = refused + 1 if (await client.get(url)).status_code == 503 else 0
            assert time.monotonic() - started < DRAIN_SECONDS
            await asyncio.sleep(0.05)
    return time.monotonic() - started


async def test_streams_are_finished_or_cut_and_nothing_is_bypassed(stage: Stage) -> None:
    long = await begin(stage, LONG, LONG_PAUSE_SECONDS)
    short = await begin(stage, SHORT, SHORT_PAUSE_SECONDS)
    stage.terminate()
    terminated = time.monotonic()
    assert await until_unready(stage) < DRAIN_SECONDS / 2

    seen_by_provider = stage.provider.body_bytes
    refused = await asyncio.gather(*(stage.ask(is_stream=False) for _ in range(10)))
    assert {(each.status, each.content_type) for each in refused} == {(503, "application/json")}
    assert stage.provider.body_bytes == seen_by_provider

    finished = await asyncio.gather(*short)
    assert {(each.status, each.is_clean, each.body) for each in finished} == {(200, True, b"".join(STREAM))}
    assert time.monotonic() - terminated < DRAIN_SECONDS

    cut = await asyncio.gather(*long)
    assert {(each.status, each.is_clean) for each in cut} == {(200, False)}
    assert all(0 < len(each.body) < len(b"".join(STREAM)) for each in cut)
    assert all(b"".join(STREAM).startswith(each.body) for each in cut)
    assert DRAIN_SECONDS - 1 < time.monotonic() - terminated < DRAIN_SECONDS + 3
    assert await asyncio.to_thread(stage.has_ended, 5)
