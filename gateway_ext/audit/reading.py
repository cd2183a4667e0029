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
    """Records in the order they were written, and the cursor to save once they have been acknowledged.

    `has_more`: there was more behind them already when they were read.
    """

    events: tuple[Event, ...]
    cursor: Cursor
    has_more: bool = False


def next_batch(directory: Path, cursor: Cursor, records_max: int, bytes_max: int) -> Batch:
    """Up to `records_max` records, at least one if there is one, of at most `bytes_max` bytes if that is more than one.

    Only a segment that is followed by another one is complete: bad bytes at its end are a torn tail. In the newest
    segment they may be a record that is just being written, so they are left alone. Raises OSError.
    """
    sizes = segment_sizes(directory)
    numbers = [number for number in sizes if number >= cursor.segment]
    for number in numbers:
        if number != cursor.segment:
            cursor = dataclasses.replace(cursor, segment=number, offset=0)
        data = _read(directory, cursor, bytes_max)
        batch = _take(data, cursor, records_max, bytes_max)
        if batch.events or number == numbers[-1]:
            has_more = number != numbers[-1] or batch.cursor.offset < sizes[number]
            return dataclasses.replace(batch, has_more=has_more and bool(batch.events))
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
    run_id, sequence = cursor.run_id, cursor.sequence
    end = lost_records = damaged_bytes = 0
    for part in scan(data):
        if isinstance(part, Damage):
            damaged_bytes += part.end - part.start
        elif len(events) == records_max or (events and part.end > bytes_max):
            break
        elif (event := _event(part.payload)) is None:
            damaged_bytes += HEADER_BYTES + len(part.payload)
        else:
            expected = sequence + 1 if event.run_id == run_id else 1
            lost_records += max(0, event.sequence - expected)
            run_id, sequence = event.run_id, event.sequence
            events.append(event)
        end = part.end
    behind = dataclasses.replace(
        cursor,
        offset=cursor.offset + end,
        run_id=run_id,
        sequence=sequence,
        records=cursor.records + len(events),
        lost_records=cursor.lost_records + lost_records,
        damaged_bytes=cursor.damaged_bytes + damaged_bytes,
    )
    return Batch(tuple(events), behind)


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
