"""Every record of a gateway's logs that is still there, in spool and archive, for reports; a segment at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from gateway_ext.audit.archive import log_segments, read_segment
from gateway_ext.audit.encoding import Event, decode_event
from gateway_ext.audit.erased import leaves
from gateway_ext.audit.segments import process_directories
from gateway_ext.settings import StateLayout

_SLACK_NS = 3600 * 10**9  # by which a file's time and its records' may differ, as they are of different clocks

Advance = Callable[[int], None]
"""Is told how many more bytes have been read."""


def events_in(layout: StateLayout, advance: Advance, since_unix_nano: int = 0) -> Iterator[Event]:
    """Of all processes, of each in the order they were written. Segments that ended before `since_unix_nano` are not read.

    Raises OSError.
    """
    for process in _processes(layout):
        directories = layout.spool / process, layout.archive / process
        for number, size in _segments(layout, process, since_unix_nano):
            try:
                content = read_segment(*directories, number)
            except FileNotFoundError:  # its retention has ended meanwhile
                advance(size)
                continue
            for leaf in leaves(content):
                if leaf.record is not None and (event := _decoded(leaf.record)):
                    yield event
            advance(size)


def bytes_to_read(layout: StateLayout, sinks: Sequence[Path], since_unix_nano: int = 0) -> int:
    """How much `events_in` reads, and there is in files of the OTLP sink. Raises OSError."""
    of_segments = (size for process in _processes(layout) for _, size in _segments(layout, process, since_unix_nano))
    return sum(of_segments) + sum(sink.stat().st_size for sink in sinks)


def _processes(layout: StateLayout) -> list[str]:
    return sorted({each.name for root in (layout.spool, layout.archive) for each in process_directories(root)})


def _segments(layout: StateLayout, process: str, since_unix_nano: int) -> Iterator[tuple[int, int]]:
    """Number and size in bytes of those that may hold records of that time."""
    for number, path in log_segments(layout.spool / process, layout.archive / process).items():
        try:
            status = path.stat()
        except FileNotFoundError:  # moved to the archive meanwhile
            status = (layout.archive / process / path.name).stat()
        if status.st_mtime_ns + _SLACK_NS >= since_unix_nano:
            yield number, status.st_size


def _decoded(record: bytes) -> Event | None:
    try:
        return decode_event(record)
    except ValueError:
        return None
