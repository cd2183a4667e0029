"""Every record of a spool that is still there, for reports; never held as a whole."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from gateway_ext.audit.cursor import Cursor
from gateway_ext.audit.encoding import Event
from gateway_ext.audit.reading import next_batch
from gateway_ext.audit.segments import process_directories, segment_sizes

BATCH_RECORDS = 10_000
BATCH_BYTES = 4 * 1024 * 1024

Advance = Callable[[int], None]
"""Is told how many more bytes have been read."""


def events_in(directory: Path, advance: Advance) -> Iterator[Event]:
    """Of one process, in the order they were written. Raises OSError."""
    cursor = Cursor()
    while True:
        try:
            batch = next_batch(directory, cursor, BATCH_RECORDS, BATCH_BYTES)
        except FileNotFoundError:
            if directory.is_dir():  # a segment was shipped and deleted meanwhile
                continue
            return
        if not batch.events:
            return
        yield from batch.events
        # An event's size is not known here; that of a whole batch is, unless it began a new segment.
        advance(batch.cursor.offset - (cursor.offset if cursor.segment == batch.cursor.segment else 0))
        cursor = batch.cursor


def bytes_to_read(spool: Path, sinks: Sequence[Path]) -> int:
    """How much there is in a spool and in files of the OTLP sink, about. Raises OSError."""
    in_spool = sum(sum(segment_sizes(directory).values()) for directory in process_directories(spool))
    return in_spool + sum(sink.stat().st_size for sink in sinks)
