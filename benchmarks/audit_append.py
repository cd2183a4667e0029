"""CPU time of one audit append, in microseconds, for a typical decision record. Run: python benchmarks/audit_append.py"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

from gateway_ext.audit.encoding import encode_event
from gateway_ext.audit.events import EventName
from gateway_ext.audit.records import DecisionRecord
from gateway_ext.audit.segments import frame
from gateway_ext.audit.spool import Spool
from gateway_ext.clock import SystemClock
from gateway_ext.exchange import Candidate, CredentialClass, Finding, Principal

RECORDS = 50_000


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


def main() -> None:
    record = typical_record()
    data = encode_event(record, processor="processor-0", run_id="ab" * 16, sequence=1, time_unix_nano=1)
    started = time.thread_time_ns()
    for sequence in range(RECORDS):
        frame(encode_event(record, processor="processor-0", run_id="ab" * 16, sequence=sequence, time_unix_nano=1))
    encoding_ns = time.thread_time_ns() - started
    with tempfile.TemporaryDirectory() as directory:
        spool = Spool(Path(directory), "processor-0", SystemClock())
        durations_ns = []
        started = time.thread_time_ns()
        for _ in range(RECORDS):
            before = time.perf_counter_ns()
            spool.append(record)
            durations_ns.append(time.perf_counter_ns() - before)
        appending_ns = time.thread_time_ns() - started
        spool.close()
    durations_ns.sort()
    print(f"record                 {len(data)} bytes")
    print(f"encode and frame       {encoding_ns / RECORDS / 1000:.1f} µs CPU")
    print(f"append, all of it      {appending_ns / RECORDS / 1000:.1f} µs CPU")
    print(f"append, elapsed        p50 {durations_ns[RECORDS // 2] / 1000:.1f} µs", end="")
    print(f", p99 {durations_ns[RECORDS * 99 // 100] / 1000:.1f} µs")


if __name__ == "__main__":
    main()
