"""Reads the spool while it is being written: the next records behind a cursor, and the last ones for people."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from gateway_ext.audit.archive import log_segments, read_segment
from gateway_ext.audit.cursor import Cursor
from gateway_ext.audit.encoding import Event, decode_event
from gateway_ext.audit.erased import MARK
from gateway_ext.audit.segments import HEADER_BYTES, Damage, Frame, scan, segment_path, segment_sizes


@dataclass(frozen=True, slots=True)
class Batch:
    """Records in the order they were written, and the cursor to save once they have been acknowledged."""

    events: tuple[Event, ...]
    cursor: Cursor


def next_batch(directory: Path, cursor: Cursor, records_max: int, bytes_max: int) -> Batch:
    """Up to `records_max` records, at least one if there is one, of at most `bytes_max` bytes if that is more than one.

    Only a segment that is followed by another one is complete: bad bytes at its end are a torn tail. In the newest
    segment they may be a record that is just being written, so they are left alone. Raises OSError.
    """
    numbers = [number for number in segment_sizes(directory) if number >= cursor.segment]
    for number in numbers:
        if number != cursor.segment:
            cursor = dataclasses.replace(cursor, segment=number, offset=0)
        data = _read(directory, cursor, bytes_max)
        batch = _take(data, cursor, records_max, bytes_max)
        if batch.events or number == numbers[-1]:
            return batch
        cursor = _leave_segment(batch.cursor, len(data) - (batch.cursor.offset - cursor.offset))
    return Batch((), cursor)


def _read(directory: Path, cursor: Cursor, window_bytes: int) -> bytes:
    """From the cursor on: a window, or the whole rest when no whole frame fits the window."""
    with segment_path(directory, cursor.segment).open("rb") as file:
        rest_bytes = max(0, os.fstat(file.fileno()).st_size - cursor.offset)
        file.seek(cursor.offset)
        data = file.read(min(window_bytes, rest_bytes))
        if len(data) < rest_bytes and next(scan(data), None) is None:
            data += file.read(rest_bytes - len(data))
    return data


def _take(data: bytes, cursor: Cursor, records_max: int, bytes_max: int) -> Batch:
    """Records of one segment's `data`, which begins at the cursor. Losses are counted in the batch's cursor."""
    events: list[Event] = []
    start = cursor.offset
    for part in scan(data):
        if isinstance(part, Damage):
            cursor = dataclasses.replace(
                cursor, offset=start + part.end, damaged_bytes=cursor.damaged_bytes + part.end - part.start
            )
            continue
        if len(events) == records_max or (events and part.end > bytes_max):
            break
        event = _event(part.payload)
        if event is None:
            cursor = dataclasses.replace(
                cursor,
                offset=start + part.end,
                damaged_bytes=cursor.damaged_bytes + HEADER_BYTES + len(part.payload),
            )
            continue
        events.append(event)
        expected = cursor.sequence + 1 if event.run_id == cursor.run_id else 1
        cursor = dataclasses.replace(
            cursor,
            offset=start + part.end,
            run_id=event.run_id,
            sequence=event.sequence,
            records=cursor.records + 1,
            lost_records=cursor.lost_records + max(0, event.sequence - expected),
        )
    return Batch(tuple(events), cursor)


def _leave_segment(cursor: Cursor, torn_bytes: int) -> Cursor:
    return dataclasses.replace(
        cursor, offset=cursor.offset + torn_bytes, torn_tails=cursor.torn_tails + (1 if torn_bytes else 0)
    )


def last_events(directory: Path, count: int, archive_directory: Path | None = None) -> list[Event]:
    """The last `count` whole records of a process, oldest first. Reads no more segments than needed.

    Only those of the spool, unless `archive_directory` is given. Erased ones are passed over.
    """
    events: list[Event] = []
    for number in reversed(log_segments(directory, archive_directory or directory)):
        if len(events) >= count:
            break
        payloads = _payloads(_content(directory, number, archive_directory))
        newest = [payload for payload in payloads if not payload.startswith(MARK)][len(events) - count :]
        events[:0] = [event for payload in newest if (event := _event(payload))]
    return events


def _payloads(data: bytes) -> Iterator[bytes]:
    return (part.payload for part in scan(data) if isinstance(part, Frame))


def _event(payload: bytes) -> Event | None:
    try:
        return decode_event(payload)
    except ValueError:
        return None


def count_records(directory: Path, cursor: Cursor) -> int:
    """Whole records behind the cursor. Reads everything that is unshipped."""
    total = 0
    for number in segment_sizes(directory):
        if number >= cursor.segment:
            offset = cursor.offset if number == cursor.segment else 0
            total += sum(1 for _ in _payloads(_content(directory, number)[offset:]))
    return total


def _content(directory: Path, number: int, archive_directory: Path | None = None) -> bytes:
    try:
        return read_segment(directory, archive_directory or directory, number)
    except FileNotFoundError:  # shipped and moved meanwhile
        return b""
