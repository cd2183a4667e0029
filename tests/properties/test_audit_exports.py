"""Whatever is asked: an export has the records that a look at each of them finds, and leads to the signed roots."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway_ext.audit.encoding import Event, decode_event, encode_event
from gateway_ext.audit.erased import leaf_of, leaves
from gateway_ext.audit.exports.writing import write_log
from gateway_ext.audit.filters import TIME_UNIX_NANO_MAX, Filter
from gateway_ext.audit.index.entry import Field, entry_of
from gateway_ext.audit.merkle import head_of
from gateway_ext.audit.proving import ProvableLog
from tests.unit.audit.index.recorded import ORDER, US, decision, outcome
from tests.unit.audit.signed_logs import signed_state

RECORDS = [
    encode_event(record, processor="processor-0", run_id="r", sequence=at, time_unix_nano=at * 10)
    for at, record in enumerate(
        [
            each
            for number in range(12)
            for each in (
                decision(
                    f"e{number}", subject=f"u{number % 3}", team=f"t{number % 2}", classes=["personal"] * (number % 2)
                ),
                outcome(f"e{number}", cost_nano=number, served_by=US, flags=("recovered",) * (number % 3 == 0)),
                ORDER,
            )
        ],
        1,
    )
]
EVENTS = [decode_event(record) for record in RECORDS]
_WHERE = {
    Field.SUBJECT: ["u0", "u1", "olga", "nobody"],
    Field.TEAM: ["t0", "t1"],
    Field.CLASS: ["personal", "secret"],
    Field.FLAG: ["recovered"],
    Field.EVENT: ["standing:stop:set", "request:outcome:settled"],
    Field.EXCHANGE: ["e1", "e2", "e11"],
}
TIMES = st.integers(0, 380)
COSTS = st.none() | st.integers(0, 12)


@st.composite
def filters(draw: st.DrawFn) -> Filter:
    kinds = draw(st.sets(st.sampled_from(sorted(_WHERE)), max_size=2))
    where = {kind: frozenset(draw(st.sets(st.sampled_from(_WHERE[kind]), min_size=1))) for kind in kinds}
    until = draw(st.just(TIME_UNIX_NANO_MAX) | TIMES)
    return Filter(where, draw(TIMES), until, draw(COSTS), draw(COSTS))


def naive(wanted: Filter, event: Event) -> bool:
    """Condition by condition."""
    entry = entry_of(event)
    if entry is None or not wanted.since_unix_nano <= event.time_unix_nano < wanted.until_unix_nano:
        return False
    for bound, sign in ((wanted.cost_nano_min, 1), (wanted.cost_nano_max, -1)):
        if bound is not None and (not event.HasField("outcome") or sign * event.outcome.cost_nano < sign * bound):
            return False
    return all(entry.values(kind) & values for kind, values in wanted.where.items())


@pytest.fixture(scope="module")
def log() -> Iterator[ProvableLog]:
    """Of segments of unequal length."""
    with TemporaryDirectory() as directory:
        segments = {1: RECORDS[:1], 2: RECORDS[1:9], 3: RECORDS[9:20], 4: RECORDS[20:]}
        yield signed_state(Path(directory), segments).log()


@settings(max_examples=60)
@given(filters())
def test_an_export_is_what_a_look_at_each_record_finds(log: ProvableLog, wanted: Filter) -> None:
    rows: list[tuple[int, Event]] = []
    with TemporaryDirectory() as directory:
        part, _ = write_log(
            Path(directory), log, wanted, lambda _, leaf, event: rows.append((leaf, event)), lambda _: None
        )
        found = list(leaves((Path(directory) / part.segment_name).read_bytes()))
    expected = [(leaf, event) for leaf, event in enumerate(EVENTS) if naive(wanted, event)]
    assert rows == expected
    shown = [(leaf, each.record) for leaf, each in enumerate(found, part.first_leaf) if each.record is not None]
    assert shown == [(leaf, RECORDS[leaf]) for leaf, _ in expected]
    head = head_of(part.first_leaf, part.prefix)
    for each in found:
        head.append(each.hash)
    assert (head.size, head.root()) == (len(RECORDS), log.checkpoint.root)
    assert [each.hash for each in found] == [leaf_of(record).hash for record in RECORDS[part.first_leaf :]]
