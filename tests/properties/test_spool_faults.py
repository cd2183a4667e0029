"""Whatever storage does to single writes, every accepted record is readable, in order, once, without gaps."""

import errno
import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway_ext import limits
from gateway_ext.audit.cursor import Cursor
from gateway_ext.audit.encoding import Event
from gateway_ext.audit.events import EventName
from gateway_ext.audit.reading import next_batch
from gateway_ext.audit.records import DecisionRecord
from gateway_ext.audit.spool import Spool
from gateway_ext.clock import SystemClock
from gateway_ext.errors import AuditUnavailable

RECORD = DecisionRecord(EventName.DECISION_REFUSED, "", "refuse", "d", "public", "192.0.2.1")

steps = st.one_of(
    st.just("append"),
    st.just("restart"),
    st.just("persisted"),  # the write is reported as failed although all of it is there
    st.tuples(st.just("torn"), st.integers(0, 30)),  # a part is there
    st.tuples(st.just("unmendable"), st.integers(1, 30)),  # a part is there and cannot be removed
)


def storage_fails(patch: pytest.MonkeyPatch, persisted_bytes: int | None, is_mendable: bool) -> None:
    real = os.write

    def write(descriptor: int, data: bytes) -> int:
        real(descriptor, data[:persisted_bytes])
        raise OSError(errno.EIO, "Input/output error")

    def truncate(descriptor: int, length: int) -> None:
        raise OSError(errno.EIO, "Input/output error")

    patch.setattr(os, "write", write)
    if not is_mendable:
        patch.setattr(os, "ftruncate", truncate)


def perform(root: Path, script: Sequence[str | tuple[str, int]]) -> tuple[list[str], list[str]]:
    """Exchange ids that were accepted, and those that were refused although they may be there."""
    spool, accepted, refused = Spool(root, "p", SystemClock(), fsync_seconds=60), list[str](), list[str]()
    for number, step in enumerate(script):
        if step == "restart":
            spool.close()
            spool = Spool(root, "p", SystemClock(), fsync_seconds=60)
            continue
        with pytest.MonkeyPatch.context() as patch:
            if step == "persisted":
                storage_fails(patch, None, is_mendable=True)
            elif isinstance(step, tuple):
                storage_fails(patch, step[1], is_mendable=step[0] == "torn")
            try:
                spool.append(replace(RECORD, exchange_id=str(number)))
                accepted.append(str(number))
            except AuditUnavailable:
                refused.append(str(number))
    spool.close()
    Spool(root, "p", SystemClock()).close()  # so that the last segment is complete
    return accepted, refused


@settings(max_examples=60, deadline=None)
@given(st.lists(steps, max_size=15), st.integers(1, 400))
def test_accepted_records_survive_failing_writes(script: Sequence[str | tuple[str, int]], batch_bytes: int) -> None:
    with TemporaryDirectory() as directory, pytest.MonkeyPatch.context() as patch:
        patch.setattr(limits, "SPOOL_SEGMENT_BYTES", 400)
        accepted, refused = perform(Path(directory), script)
        cursor, events = Cursor(), list[Event]()
        while (batch := next_batch(Path(directory) / "p", cursor, 3, batch_bytes)).cursor != cursor:
            events += batch.events
            cursor = batch.cursor
    assert [event.exchange_id for event in events if event.exchange_id not in refused] == accepted
    assert len({event.id for event in events}) == len(events)
    assert (cursor.lost_records, cursor.damaged_bytes) == (0, 0)
