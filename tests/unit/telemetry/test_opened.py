"""Telemetry as the settings ask for it: from the spool to a real collector, and never in anybody's way."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from gateway_ext.audit.reading import next_batch
from gateway_ext.audit.spool import Spool
from gateway_ext.budget.sqlite_spending import SqliteSpending
from gateway_ext.clock import SystemClock
from gateway_ext.errors import ConfigurationError
from gateway_ext.settings import Settings, Traces
from gateway_ext.telemetry import opened, telemetry
from gateway_ext.telemetry.opened import OpenedTelemetry, opened_telemetry
from tests.servers.otlp_telemetry import Receiver, running_receiver
from tests.unit.telemetry.trail_records import EXCHANGE_ID, FORWARDED, PARENT, REFUSED, SETTLED

POLICY = SimpleNamespace(
    digest="d1", budget=SimpleNamespace(hold_ttl_seconds=60.0, budgets=(), currency="EUR")
)  # what telemetry reads of a snapshot


@pytest.fixture(autouse=True)
def in_a_hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(telemetry, "FOLLOW_SECONDS", 0.01)
    monkeypatch.setattr(opened, "RESTART_SECONDS", 0.01)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return replace(Settings(), state_dir=tmp_path, traces=Traces.ALL, metrics_seconds=0.05)


@pytest.fixture
def spool(settings: Settings) -> Any:
    spool = Spool(settings.layout.spool, "processor-0", SystemClock())
    yield spool
    spool.close()


@asynccontextmanager
async def running(settings: Settings) -> AsyncIterator[OpenedTelemetry]:
    """It follows from here on."""
    source = SimpleNamespace(current=lambda: POLICY)
    spending = SqliteSpending(settings.layout.ledger)
    async with AsyncExitStack() as stack:
        found = await stack.enter_async_context(
            opened_telemetry(settings, cast("Any", source), spending, SystemClock())
        )
        tasks = [asyncio.get_running_loop().create_task(each(), name=name) for name, each in found.work.items()]
        try:
            yield found
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


async def until(so: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while True:
            if so():
                return
            await asyncio.sleep(0.01)


async def test_nothing_is_made_unless_it_is_asked_for(tmp_path: Path) -> None:
    async with running(replace(Settings(), state_dir=tmp_path)) as found:
        assert (dict(found.work), found.pages) == ({}, None)


@pytest.mark.parametrize("protocol", ["grpc", "http"])
async def test_spans_and_metrics_reach_the_collector(settings: Settings, spool: Spool, protocol: str) -> None:
    keys = settings.state_dir / "headers"
    keys.touch(mode=0o600)
    keys.write_text("x-key: abc\n")
    async with running_receiver(protocol) as receiver:
        to = {"otlp_endpoint": receiver.endpoint, "otlp_protocol": protocol, "otlp_headers_file": str(keys)}
        async with running(replace(settings, **to)):  # type: ignore[arg-type]  # texts, all of them
            spool.append(replace(FORWARDED, trace_parent=PARENT))
            spool.append(SETTLED)
            spool.append(replace(REFUSED, exchange_id="ff" * 16))
            await until(lambda: len(receiver.spans) == 2 and receiver.sums.get("gateway.audit.records") == 3)
    by_status = {span.parent_span_id.hex(): span for span in receiver.spans}
    assert by_status[PARENT.span_id].trace_id.hex() == PARENT.trace_id
    assert by_status[""].trace_id.hex() == "ff" * 16
    assert receiver.sums["gateway.cost"] == pytest.approx(0.012345678)
    assert receiver.headers["x-key"] == "abc"


@pytest.mark.parametrize("protocol", ["grpc", "http"])
async def test_what_a_collector_does_not_take_is_counted_and_told_once(
    settings: Settings, spool: Spool, protocol: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with running_receiver(protocol) as receiver:
        receiver.refuses = True
        async with running(replace(settings, otlp_endpoint=receiver.endpoint, otlp_protocol=protocol)):
            for _ in range(3):
                spool.append(REFUSED)
                await asyncio.sleep(0.1)
            receiver.refuses = False
            await until(lambda: receiver.sums.get("gateway.telemetry.spans", 0) >= 3)
            spool.append(REFUSED)
            await until(lambda: len(receiver.spans) == 1)
            await until(lambda: "telemetry: spans: goes on" in caplog.text)
    assert caplog.text.count("telemetry: spans: not now") == caplog.text.count("telemetry: metrics: not now") == 1
    assert "must not be repeated" not in caplog.text


async def test_a_partial_rejection_is_no_success(
    settings: Settings, spool: Spool, caplog: pytest.LogCaptureFixture
) -> None:
    async with running_receiver() as receiver:
        receiver.rejects = 1
        async with running(replace(settings, otlp_endpoint=receiver.endpoint)):
            spool.append(FORWARDED)
            spool.append(SETTLED)
            await until(lambda: "metrics: not now (1 data points rejected)" in caplog.text)
            await until(lambda: "spans: not now (some were rejected)" in caplog.text)
    assert receiver.spans == []


async def test_only_sampled_exchanges_become_spans(settings: Settings, spool: Spool) -> None:
    async with running_receiver() as receiver:
        sampled = replace(settings, otlp_endpoint=receiver.endpoint, traces=Traces.SAMPLED, traces_ratio=0.0)
        async with running(sampled):
            spool.append(replace(REFUSED, exchange_id="aa" * 16))
            spool.append(replace(REFUSED, trace_parent=PARENT))
            await until(lambda: receiver.sums.get("gateway.audit.records") == 2 and bool(receiver.spans))
    assert [span.trace_id.hex() for span in receiver.spans] == [PARENT.trace_id]


async def test_whatever_fails_is_begun_again(
    settings: Settings, spool: Spool, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    tries = 0

    def fail(*_: object) -> None:
        nonlocal tries
        tries += 1
        if tries < 3:
            raise RuntimeError("SECRET-4711")

    monkeypatch.setattr("gateway_ext.telemetry.measures.Measures.missed", fail)
    with caplog.at_level(logging.INFO):
        async with running_receiver() as receiver, running(replace(settings, otlp_endpoint=receiver.endpoint)):
            await until(lambda: tries >= 3)
            spool.append(REFUSED)
            await until(lambda: bool(receiver.spans))
    assert "telemetry: follow: failed (RuntimeError)" in caplog.text
    assert "SECRET-4711" not in caplog.text


async def test_a_spool_that_cannot_be_read_is_told_once(
    settings: Settings, spool: Spool, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    is_broken = True

    def read(*arguments: Any) -> Any:
        if is_broken:
            raise PermissionError(13, "Permission denied")
        return next_batch(*arguments)

    monkeypatch.setattr("gateway_ext.telemetry.follower.next_batch", read)
    async with running_receiver() as receiver, running(replace(settings, otlp_endpoint=receiver.endpoint)):
        spool.append(REFUSED)
        await until(lambda: "following the audit trail: not now (Permission denied)" in caplog.text)
        is_broken = False
        await until(lambda: len(receiver.spans) == 1)
    assert receiver.spans[0].trace_id.hex() == EXCHANGE_ID


async def test_there_must_be_a_collector_for_what_is_sent(settings: Settings) -> None:
    with pytest.raises(ConfigurationError, match="set otlp_endpoint"):
        async with running(replace(settings, otlp_endpoint="")):
            pass


async def test_spans_that_wait_too_long_make_room(
    settings: Settings, spool: Spool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway_ext.limits.TELEMETRY_SPANS_WAITING_MAX", 2)
    async with running_receiver() as receiver:
        source = SimpleNamespace(current=lambda: POLICY)
        spending = SqliteSpending(settings.layout.ledger)
        to = replace(settings, otlp_endpoint=receiver.endpoint)
        async with opened_telemetry(to, cast("Any", source), spending, SystemClock()) as found:
            following = asyncio.get_running_loop().create_task(found.work["follow"]())
            for number in range(5):
                spool.append(replace(REFUSED, exchange_id=f"{number:032x}"))
            await asyncio.sleep(0.3)
            following.cancel()
            await asyncio.gather(following, return_exceptions=True)
            tasks = [
                asyncio.get_running_loop().create_task(found.work[name]()) for name in ("push spans", "push metrics")
            ]
            await until(lambda: _spans(receiver) == 5)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
    assert [int(span.trace_id.hex(), 16) for span in receiver.spans] == [3, 4]


def _spans(receiver: Receiver) -> float:
    return receiver.sums.get("gateway.telemetry.spans", 0)
