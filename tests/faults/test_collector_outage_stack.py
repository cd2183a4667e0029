"""The collector stops and comes back while the whole gateway works: what was written is delivered, in order, once."""

from __future__ import annotations

import asyncio
import json
import random
import signal
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import grpc
import pytest

from gateway_ext.audit.cursor import load_cursors, undelivered_bytes
from gateway_ext.audit.reading import last_events
from gateway_ext.audit.segments import process_directories
from gateway_ext.budget.status import read_accounts
from gateway_ext.telemetry.otlp_file_sink import Intake, OtlpFileSink, Received, SinkRefusal, take_all
from gateway_ext.telemetry.otlp_lines import LogLine, last_log_lines
from tests.envoy.stack import Stack, free_ports, running_stack
from tests.faults.traffic import Traffic

pytestmark = pytest.mark.envoy
SEED = 7
AUDIT_UNAVAILABLE = (503, "audit_unavailable")


def by_last_arrival(path: Path) -> list[LogLine]:
    """Every record once, where it arrived last: of a rejected export a collector may have kept any part."""
    records = {line.attributes["gateway.record.id"]: line for line in reversed(last_log_lines(path, 1_000_000))}
    return list(reversed(records.values()))


def require_complete(stack: Stack, delivered: Sequence[LogLine], answered: int) -> None:
    """Sequences 1 to n per process and run, in order, n the last one written; a decision and an outcome for each 200."""
    sequences: dict[tuple[str, str], list[int]] = {}
    for line in delivered:
        run = line.resource["gateway.process"], line.resource["service.instance.id"]
        sequences.setdefault(run, []).append(line.attributes["gateway.record.sequence"])
    assert sequences
    assert all(found == list(range(1, len(found) + 1)) for found in sequences.values())
    for directory in process_directories(stack.layout.spool):
        for event in last_events(directory, 1):
            assert sequences[directory.name, event.run_id][-1] == event.sequence
        assert all(each.lost_records == each.damaged_bytes == 0 for each in load_cursors(directory).values())
    for event_name in ("request:decision:forwarded", "request:outcome:settled"):
        exchanges = Counter(
            line.attributes["gateway.exchange.id"] for line in delivered if line.event_name == event_name
        )
        assert len(exchanges) == exchanges.total() == answered, event_name


def ids_of_requests(delivered: Sequence[LogLine]) -> list[str]:
    lines = [line for line in delivered if line.event_name.startswith("request:")]
    return sorted(line.attributes["gateway.record.id"] for line in lines)


def ocsf_ids_of_requests(trail: Path) -> list[str]:
    """Of the documents of records; those of findings have a number behind."""
    metadata = [json.loads(line)["metadata"] for line in trail.read_text().splitlines()]
    requests = [each["uid"] for each in metadata if each["event_code"].startswith("request:")]
    return sorted(uid for uid in requests if ":" not in uid)


def wait_until_shipped(stack: Stack, path: Path, answered: int, seconds: float = 25) -> list[LogLine]:
    """The delivered records, as soon as nothing waits in the spool and each answered request has its outcome."""
    deadline = time.monotonic() + seconds
    while True:
        waiting = sum(undelivered_bytes(each) for each in process_directories(stack.layout.spool))
        delivered = by_last_arrival(path) if path.exists() and not waiting else []
        outcomes = sum(line.event_name == "request:outcome:settled" for line in delivered)
        if outcomes >= answered:
            return delivered
        assert time.monotonic() < deadline, f"{waiting} bytes wait, {outcomes} of {answered} outcomes delivered"
        time.sleep(0.1)


def test_delivered_is_written_when_collector_and_control_process_are_killed(tmp_path: Path) -> None:
    with running_stack(tmp_path) as stack:
        with Traffic(stack) as traffic:
            traffic.flows()
            stack.kill("otlp-sink")
            traffic.flows(50)
            stack.kill("control")
            traffic.flows(50)
            restarted(stack, "otlp-sink")
            stack.kill("otlp-sink", signal.SIGSTOP)
            traffic.flows(50)
            stack.kill("otlp-sink", signal.SIGCONT)
            traffic.flows(50)
        assert set(traffic.ended) == {(200, "")}
        delivered = wait_until_shipped(stack, stack.state / "otlp" / "logs.jsonl", traffic.answered)
        require_complete(stack, delivered, traffic.answered)


def restarted(stack: Stack, name: str, seconds: float = 10) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            stack.pid(name)
        except LookupError:
            time.sleep(0.1)
        else:
            return
    raise AssertionError(f"{name} was not restarted")


@asynccontextmanager
async def collecting(port: int, path: Path, intake: Intake = take_all) -> AsyncIterator[None]:
    sink = OtlpFileSink(f"127.0.0.1:{port}", path, intake)
    await sink.start()
    try:
        yield
    finally:
        await sink.stop()


async def refusing(_: Sequence[Received]) -> Sequence[Received]:
    raise SinkRefusal(grpc.StatusCode.UNAVAILABLE)


def half_accepting() -> Intake:
    chance = random.Random(SEED)

    async def intake(records: Sequence[Received]) -> Sequence[Received]:
        return records if chance.random() < 0.5 else [record for record in records if chance.random() < 0.5]

    return intake


async def until(condition: Callable[[], bool], seconds: float = 20) -> None:
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110  (other processes work; there is nothing to wait on)
            await asyncio.sleep(0.05)


async def test_a_full_spool_refuses_requests_and_a_returning_collector_lets_them_in_again(tmp_path: Path) -> None:
    (port,) = free_ports(1)
    path = tmp_path / "collected.jsonl"
    trail = tmp_path / "trail.ocsf"
    settings = f"otlp_endpoint: http://127.0.0.1:{port}\nspool_bytes_max: 60000\nocsf_file: {trail}\n"
    with running_stack(tmp_path, settings=settings) as stack:
        with Traffic(stack) as traffic:
            await until(lambda: traffic.ended[AUDIT_UNAVAILABLE] >= 10)
            async with collecting(port, path, refusing):
                await asyncio.sleep(0.5)
            full = traffic.answered
            await until(lambda: traffic.ended[AUDIT_UNAVAILABLE] >= 40)
            assert traffic.answered == full, "a request was served whose record had no room"
            async with collecting(port, path, half_accepting()):
                await until(lambda: traffic.answered > full)
            async with collecting(port, path):
                await asyncio.to_thread(traffic.flows, 50)
        async with collecting(port, path):
            delivered = await asyncio.to_thread(wait_until_shipped, stack, path, traffic.answered)
        assert set(traffic.ended) == {(200, ""), AUDIT_UNAVAILABLE}
        assert len(stack.upstream_log()) == traffic.answered, "refused means that no model was contacted"
        assert all(account.held_nano == 0 for account in read_accounts(stack.layout.ledger))
        assert ids_of_requests(delivered) == ocsf_ids_of_requests(trail), "the other output was not kept waiting"
        require_complete(stack, delivered, traffic.answered)
