"""What the archive of a million requests takes, and what retention costs: `python -m benchmarks.audit.retention`.

The records are as long as those of real requests: two candidates, one data class, a caller with all attributes.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import UUID

from gateway_ext.audit.encoding import encode_event
from gateway_ext.audit.erased import Leaf, leaves, segment_of
from gateway_ext.audit.events import EventName
from gateway_ext.audit.records import AuditRecord, DecisionRecord, OutcomeRecord
from gateway_ext.audit.retention.archived import Segments
from gateway_ext.audit.retention.judging import judge
from gateway_ext.audit.rules import RetentionRules
from gateway_ext.audit.segments import frame, segment_path
from gateway_ext.exchange import Candidate, CredentialClass, Outcome, Principal, Usage

NOW_UNIX_NANO = 1_800_000_000_000_000_000
CALLER = Principal(
    "0f0c5c3e-9f6b-4a55-b6a8-6f0a4bd4f2a1", "person", "company", CredentialClass.SSO, "k-3f7c9a1b2c3d", "research",
    project="forecast", application="assistant", environment="production", groups=frozenset({"staff", "research"}),
    purpose="analysis", email="ada@example.eu", cost_center="cc-4711",
)  # fmt: skip
CANDIDATES = tuple(Candidate(f"eu-{i}/assistant", f"eu-{i}", "assistant", "FR", "open-eu") for i in range(2))


@dataclass(frozen=True, slots=True)
class Figures:
    """Of a million requests, in bytes; seconds a record, and for one look at all segments."""

    archived_bytes: float
    erased_bytes: float
    judging_seconds: float
    look_seconds: float


def measured(requests: int, segments: int) -> Figures:
    """From one segment of so many requests, all due, and an archive of so many small segments."""
    content = b"".join(map(frame, (record for number in range(requests) for record in _exchange(number))))
    before = time.perf_counter()
    found = list(leaves(content))
    judgement = judge(found, [], RetentionRules(), [], 2 * NOW_UNIX_NANO)
    judging_seconds = (time.perf_counter() - before) / len(found)
    assert len(judgement.erase) == len(found) == 2 * requests
    erased = segment_of(Leaf(leaf.hash, None) for leaf in found)
    per_million = 1_000_000 / requests
    return Figures(
        len(content) * per_million, len(erased) * per_million, judging_seconds, _look_seconds(segments, found[0])
    )


def _look_seconds(segments: int, leaf: Leaf) -> float:
    """The second look: the first one reads the beginning of each."""
    with TemporaryDirectory() as directory:
        spool, archive = Path(directory, "spool"), Path(directory, "archive")
        (archive / "processor-0").mkdir(parents=True)
        for number in range(1, segments + 1):
            segment_path(archive / "processor-0", number).write_bytes(segment_of([leaf]))
        known = Segments(spool, archive)
        known.all()
        before = time.perf_counter()
        assert len(known.all()) == segments
        return time.perf_counter() - before


def _exchange(number: int) -> tuple[bytes, bytes]:
    exchange_id = str(UUID(int=number))
    decision = DecisionRecord(
        EventName.DECISION_FORWARDED, exchange_id, "forward", "ab" * 32, "public", "192.0.2.14", principal=CALLER,
        endpoint="/v1/chat/completions", model="assistant", candidates=CANDIDATES, hold_id=exchange_id, held_nano=12_345_678,
        currency="EUR", request_bytes=2345, duration_ns=812_345, data_classes=("personal",),
        rules=("access:staff", "budget:per-user", "otherwise:cheapest"),
    )  # fmt: skip
    usage = Usage(900, 300)
    ended = Outcome(
        exchange_id, exchange_id, 200, CANDIDATES[0].cluster, usage, 2345, 1234, 1, 2_345_678_901, 345_678_901,
        saw_end_of_stream=True, settled_by="access_log",
    )  # fmt: skip
    outcome = OutcomeRecord(EventName.OUTCOME_SETTLED, ended, usage, 1_234_567, "EUR", CANDIDATES[0])
    return _encoded(decision, 2 * number + 1), _encoded(outcome, 2 * number + 2)


def _encoded(record: AuditRecord, sequence: int) -> bytes:
    return encode_event(
        record, processor="processor-0", run_id="0f0c5c3e9f6b4a55", sequence=sequence, time_unix_nano=NOW_UNIX_NANO
    )


if __name__ == "__main__":
    figures = measured(20_000, 100_000)
    print(f"a million requests: {figures.archived_bytes / 1e9:.2f} GB, erased {figures.erased_bytes / 1e6:.0f} MB")
    print(f"judging: {figures.judging_seconds * 1e6:.0f} µs a record")
    print(f"a look at 100,000 segments: {figures.look_seconds:.1f} s")
