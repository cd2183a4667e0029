"""What the record of a decision costs: CPU time, and the latency it adds to a request, for each `audit_durability`.

Run: python -m benchmarks.audit.append [--directory DIR on the disk to be measured]
"""

from __future__ import annotations

import argparse
import asyncio
import os
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import uvloop

from gateway_ext.audit.encoding import encode_event
from gateway_ext.audit.events import EventName
from gateway_ext.audit.records import DecisionRecord
from gateway_ext.audit.segments import frame
from gateway_ext.audit.spool import Spool
from gateway_ext.clock import SystemClock
from gateway_ext.exchange import Candidate, CredentialClass, Finding, Principal
from gateway_ext.settings import Durability

RECORDS = 50_000  # of which CPU time is taken
SECONDS = 1.0  # for each row of the table
AT_ONCE = (1, 16, 64)
FSYNCS = 200


@dataclass(frozen=True, slots=True)
class Row:
    """Of `at_once` requests that record and wait, again and again. Latencies are what the record adds to each."""

    durability: Durability
    at_once: int
    records_per_second: float
    p50_seconds: float
    p99_seconds: float


def typical_record() -> DecisionRecord:
    """A forwarded chat request of a person, with one finding and two candidates."""
    return DecisionRecord(
        name=EventName.DECISION_FORWARDED,
        exchange_id="0123456789abcdef" * 2,
        action="forward",
        policy_digest="ab" * 32,
        interface="public",
        source_address="192.0.2.17",
        principal=Principal(
            subject="00u1f2e3d4c5b6a7",
            kind="person",
            issuer="company",
            credential_class=CredentialClass.PERSONAL,
            credential_id="key-5f3a",
            team="payments",
            project="invoices",
            application="assistant",
            environment="production",
            groups=frozenset({"engineering", "payments"}),
        ),
        endpoint="/v1/chat/completions",
        model="gpt-large",
        is_stream=True,
        findings=(
            Finding("email", "1", "personal", 2, "/messages/2/content", 17, 40, 0.9, "redact", False, "c0ffee" * 8),
        ),
        candidates=(
            Candidate("eu-1", "openai", "gpt-large-2026", "EU", "sovereign"),
            Candidate("eu-2", "azure", "gpt-large-2026", "EU", "sovereign"),
        ),
        hold_id="0123456789abcdef" * 2,
        held_nano=12_345_678,
        currency="EUR",
        request_bytes=4096,
        redactions=1,
        duration_ns=1_500_000,
    )


async def measure(directory: Path, durability: Durability, at_once: int, seconds: float) -> Row:
    """In a spool of its own below `directory`, which is deleted again."""
    record, latencies_seconds = typical_record(), list[float]()
    with tempfile.TemporaryDirectory(dir=directory) as place:
        power_loss = durability is Durability.POWER_LOSS
        spool = Spool(Path(place), "processor-0", SystemClock(), power_loss=power_loss)
        began = time.perf_counter()

        async def request() -> None:
            while time.perf_counter() - began < seconds:
                before = time.perf_counter()
                spool.append(record)
                await spool.durable()
                latencies_seconds.append(time.perf_counter() - before)
                await asyncio.sleep(0)  # others have their turn

        async with asyncio.TaskGroup() as tasks:
            for _ in range(at_once):
                tasks.create_task(request())
        took_seconds = time.perf_counter() - began
        spool.close()
    return Row(
        durability,
        at_once,
        len(latencies_seconds) / took_seconds,
        percentile(latencies_seconds, 50),
        percentile(latencies_seconds, 99),
    )


def fsync_seconds(directory: Path, count: int) -> list[float]:
    """How long the disk takes to store an append of a record's size, nothing else being done."""
    durations_seconds = []
    with tempfile.NamedTemporaryFile(dir=directory, buffering=0) as file:
        for _ in range(count):
            file.write(bytes(1_000))
            before = time.perf_counter()
            os.fsync(file.fileno())
            durations_seconds.append(time.perf_counter() - before)
    return durations_seconds


def percentile(values: Sequence[float], percent: int) -> float:
    return sorted(values)[len(values) * percent // 100]


def report_cpu(directory: Path) -> None:
    record = typical_record()
    data = encode_event(record, processor="processor-0", run_id="ab" * 16, sequence=1, time_unix_nano=1)
    started = time.thread_time_ns()
    for sequence in range(RECORDS):
        frame(encode_event(record, processor="processor-0", run_id="ab" * 16, sequence=sequence, time_unix_nano=1))
    encoding_ns = time.thread_time_ns() - started
    with tempfile.TemporaryDirectory(dir=directory) as place:
        spool = Spool(Path(place), "processor-0", SystemClock())
        started = time.thread_time_ns()
        for _ in range(RECORDS):
            spool.append(record)
        appending_ns = time.thread_time_ns() - started
        spool.close()
    print(f"record             {len(data)} bytes")
    print(f"encode and frame   {encoding_ns / RECORDS / 1000:.1f} µs CPU")
    print(f"append, all of it  {appending_ns / RECORDS / 1000:.1f} µs CPU")


def main() -> None:
    parser = argparse.ArgumentParser(description="What the record of a decision costs.")
    parser.add_argument("--directory", type=Path, default=Path(), help="on the disk to be measured (default: here)")
    directory = parser.parse_args().directory
    report_cpu(directory)
    alone = fsync_seconds(directory, FSYNCS)
    disk_seconds = percentile(alone, 50)
    print(f"fsync, alone       p50 {disk_seconds * 1000:.2f} ms, p99 {percentile(alone, 99) * 1000:.2f} ms\n")
    print("| durability | at once | records/s | p50 | p99 | p50, in fsyncs |")
    print("|---|---|---|---|---|---|")
    for durability in Durability:
        for at_once in AT_ONCE:
            row = uvloop.run(measure(directory, durability, at_once, SECONDS))
            print(
                f"| {row.durability} | {row.at_once} | {row.records_per_second:,.0f} | {row.p50_seconds * 1000:.2f} ms"
                f" | {row.p99_seconds * 1000:.2f} ms | {row.p50_seconds / disk_seconds:.2f} |"
            )


if __name__ == "__main__":
    main()
