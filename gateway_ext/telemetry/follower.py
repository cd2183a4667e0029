"""Reads every process's records as they are written, from the start of this process on. Blocks; call it in a thread."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from gateway_ext import limits
from gateway_ext.audit.cursor import Cursor
from gateway_ext.audit.encoding import Event, decode_event
from gateway_ext.audit.reading import next_batch
from gateway_ext.audit.segments import Frame, process_directories, scan, segment_path, segment_sizes


class Follower:
    """At most once: what is written while nobody follows is not read later, and no cursor is kept."""

    def __init__(self, spool_root: Path) -> None:
        self._spool_root = spool_root
        self._cursors: dict[Path, Cursor] = {}
        for directory in process_directories(spool_root):
            # One that cannot be read now is read from its first record later: rather too much is counted than nothing.
            with suppress(OSError):
                self._cursors[directory] = _end(directory)

    @property
    def missed(self) -> int:
        """Records that the sequence numbers say there were: damaged, or gone before they could be read."""
        return sum(cursor.lost_records for cursor in self._cursors.values())

    def step(self) -> Iterator[tuple[Event, ...]]:
        """The next records of each process that has some. A process that began since is read from its first record.

        Raises OSError; nothing is skipped then.
        """
        for directory in process_directories(self._spool_root):
            batch = next_batch(
                directory,
                self._cursors.get(directory, Cursor()),
                limits.TELEMETRY_BATCH_RECORDS,
                limits.SHIP_BATCH_BYTES_MAX,
            )
            self._cursors[directory] = batch.cursor
            if batch.events:
                yield batch.events


def _end(directory: Path) -> Cursor:
    """Behind the last whole record."""
    numbers = list(segment_sizes(directory))
    for number in reversed(numbers):
        frames = [part for part in scan(segment_path(directory, number).read_bytes()) if isinstance(part, Frame)]
        for each in reversed(frames):
            with suppress(ValueError):  # whole, and no record all the same
                last = decode_event(each.payload)
                return Cursor(number, frames[-1].end, last.run_id, last.sequence)
    return Cursor(numbers[-1]) if numbers else Cursor()
