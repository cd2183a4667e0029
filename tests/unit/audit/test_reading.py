from pathlib import Path

import pytest

from gateway_ext.audit.cursor import Cursor
from gateway_ext.audit.encoding import encode_event
from gateway_ext.audit.events import EventName
from gateway_ext.audit.reading import Batch, count_records, last_events, next_batch
from gateway_ext.audit.records import DecisionRecord
from gateway_ext.audit.segments import frame, segment_path

RECORD = DecisionRecord(EventName.DECISION_REFUSED, "e", "refuse", "d", "public", "192.0.2.1")


def framed(sequence: int, run_id: str = "r") -> bytes:
    return frame(encode_event(RECORD, processor="p", run_id=run_id, sequence=sequence, time_unix_nano=sequence))


def write(directory: Path, *segments: bytes) -> None:
    for number, data in enumerate(segments, start=1):
        segment_path(directory, number).write_bytes(data)


def batch(directory: Path, cursor: Cursor | None = None, records_max: int = 100, bytes_max: int = 1 << 20) -> Batch:
    return next_batch(directory, cursor or Cursor(), records_max, bytes_max)


def everything(directory: Path, records_max: int = 100, bytes_max: int = 1 << 20) -> tuple[list[int], Cursor]:
    """Sequences of all records, batch by batch, until nothing moves any more."""
    cursor, sequences = Cursor(), list[int]()
    while (new := batch(directory, cursor, records_max, bytes_max)).cursor != cursor:
        cursor = new.cursor
        sequences += [event.sequence for event in new.events]
    return sequences, cursor


def test_batches_are_bounded_and_continue(tmp_path: Path) -> None:
    write(tmp_path, b"".join(map(framed, (1, 2, 3))), b"".join(map(framed, (4, 5))))
    first = batch(tmp_path, records_max=2)
    assert [event.sequence for event in first.events] == [1, 2]
    assert first.cursor.records == 2
    sequences, cursor = everything(tmp_path, records_max=2)
    assert sequences == [1, 2, 3, 4, 5]
    assert (cursor.segment, cursor.records, cursor.lost_records, cursor.torn_tails) == (2, 5, 0, 0)


def test_a_batch_says_whether_there_was_more(tmp_path: Path) -> None:
    write(tmp_path, b"".join(map(framed, (1, 2, 3))), b"".join(map(framed, (4, 5))))
    told, cursor = list[tuple[int, bool]](), Cursor()
    while (new := batch(tmp_path, cursor, records_max=2)).events:
        told.append((len(new.events), new.has_more))
        cursor = new.cursor
    assert told == [(2, True), (1, True), (2, False)]
    assert not new.has_more
    assert batch(tmp_path, cursor=Cursor(segment=2), bytes_max=1).has_more


@pytest.mark.parametrize("bytes_max", [1, 50, 100, 150, 300])
def test_a_record_larger_than_the_window_still_comes(bytes_max: int, tmp_path: Path) -> None:
    write(tmp_path, b"".join(map(framed, range(1, 8))))
    assert everything(tmp_path, bytes_max=bytes_max)[0] == list(range(1, 8))


def test_nothing_there(tmp_path: Path) -> None:
    assert batch(tmp_path) == Batch((), Cursor())


def test_a_growing_tail_is_waited_for(tmp_path: Path) -> None:
    whole = framed(1) + framed(2)
    write(tmp_path, whole[:-1])
    sequences, cursor = everything(tmp_path)
    assert sequences == [1]
    assert cursor.torn_tails == 0
    write(tmp_path, whole)
    assert [event.sequence for event in batch(tmp_path, cursor).events] == [2]


def test_a_torn_tail_is_passed_when_the_next_segment_exists(tmp_path: Path) -> None:
    write(tmp_path, framed(1) + framed(2)[:-1], framed(1, "s"))
    sequences, cursor = everything(tmp_path)
    assert sequences == [1, 1]
    assert (cursor.torn_tails, cursor.lost_records, cursor.damaged_bytes) == (1, 0, 0)


def test_damage_in_the_middle_is_counted(tmp_path: Path) -> None:
    spoilt = bytearray(framed(1) + framed(2) + framed(3))
    spoilt[len(framed(1)) + 20] ^= 1
    write(tmp_path, bytes(spoilt))
    sequences, cursor = everything(tmp_path)
    assert sequences == [1, 3]
    assert (cursor.lost_records, cursor.damaged_bytes) == (1, len(framed(2)))


def test_a_gap_is_counted_within_and_across_segments_and_at_the_start_of_a_run(tmp_path: Path) -> None:
    write(tmp_path, framed(1) + framed(3), framed(6), framed(4, "s"))
    sequences, cursor = everything(tmp_path)
    assert sequences == [1, 3, 6, 4]
    assert cursor.lost_records == 1 + 2 + 3


def test_a_whole_frame_that_is_no_event_counts_as_damage(tmp_path: Path) -> None:
    stranger = frame(b"\xff\xff\xff")
    write(tmp_path, framed(1) + stranger + framed(2))
    sequences, cursor = everything(tmp_path)
    assert sequences == [1, 2]
    assert cursor.damaged_bytes == len(stranger)


def test_a_cursor_beyond_the_end_goes_on_with_the_next_segment(tmp_path: Path) -> None:
    write(tmp_path, framed(1), framed(1, "s"))
    assert [event.run_id for event in batch(tmp_path, Cursor(segment=1, offset=10_000)).events] == ["s"]


def test_last_events_reach_over_segments(tmp_path: Path) -> None:
    write(tmp_path, framed(1) + framed(2), framed(3) + framed(4)[:-2], framed(1, "s"))
    assert [event.id for event in last_events(tmp_path, 3)] == ["r-2", "r-3", "s-1"]
    assert len(last_events(tmp_path, 99)) == 4


def test_records_behind_the_cursor_are_counted(tmp_path: Path) -> None:
    write(tmp_path, framed(1) + framed(2), framed(3))
    assert count_records(tmp_path, Cursor()) == 3
    assert count_records(tmp_path, Cursor(segment=1, offset=len(framed(1)))) == 2
