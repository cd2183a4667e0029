"""Reads the segments of all logs for the index: what is new behind a position, and the records at places."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from gateway_ext.audit.archive import log_segments, read_segment
from gateway_ext.audit.encoding import Event, decode_event
from gateway_ext.audit.erased import leaves, leaves_in
from gateway_ext.audit.index.store import Chunk, LogPosition, Place, Placed
from gateway_ext.audit.segments import Damage, process_directories, scan, segment_sizes

WINDOW_BYTES = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class _Hint:
    """At which byte a position is, of the file that it was found in: erasing records puts another one in its place."""

    position: LogPosition
    offset: int
    inode: int


class Logs:
    """The logs of a gateway, by the name they have in the index: `origin/process`, or `process` where `origin` is empty.

    Used by one thread at a time.
    """

    def __init__(self, spool: Path, archive: Path, origin: str) -> None:
        self._spool = spool
        self._archive = archive
        self._origin = origin
        self._hints: dict[str, _Hint] = {}

    def names(self) -> list[str]:
        """Raises OSError."""
        found = {each.name for root in (self._spool, self._archive) for each in process_directories(root)}
        return [f"{self._origin}/{process}" if self._origin else process for process in sorted(found)]

    def spooled(self) -> dict[str, Mapping[int, int]]:
        """Of each log the sizes in bytes of the segments in its spool, where alone records are added. Raises OSError."""
        spools = {log: self._directories(log)[0] for log in self.names()}
        return {log: segment_sizes(spool) if spool.is_dir() else {} for log, spool in spools.items()}

    def is_ours(self, log: str) -> bool:
        return log.rpartition("/")[0] == self._origin

    def sizes(self, log: str) -> Mapping[int, int]:
        """Of all segments of a log, in bytes. Raises OSError."""
        return {number: path.stat().st_size for number, path in log_segments(*self._directories(log)).items()}

    def next_chunk(self, log: str, position: LogPosition, records_max: int) -> Chunk:
        """Up to `records_max` records behind a position. None, and the same position: there is nothing new. Raises OSError.

        What is no record is passed over, as the log's tree does; so is an erased one. In the newest segment it may be one that
        is just being written.
        """
        segments = log_segments(*self._directories(log))
        paths = {number: path for number, path in segments.items() if number >= position.segment}
        for number, path in paths.items():
            if number != position.segment:
                position = LogPosition(number, 0, position.records)
            chunk = self._chunk(log, path, position, records_max)
            if chunk.position != position:
                return chunk
        return Chunk((), position)

    def events(self, places: Sequence[Place]) -> list[Event]:
        """The records that still are there. Reads each segment once. Raises OSError."""
        found: list[Event] = []
        for (log, segment), some in groupby(sorted(places), key=lambda place: (place.log, place.segment)):
            if self.is_ours(log):
                found += self._events(log, segment, {place.leaf for place in some})
        return found

    def erased(self, log: str, segment: int) -> frozenset[int]:
        """Leaves of a segment whose records were erased. Raises OSError."""
        data = read_segment(*self._directories(log), segment)
        return frozenset(number for number, leaf in enumerate(leaves(data)) if leaf.record is None)

    def _events(self, log: str, segment: int, wanted: set[int]) -> Iterable[Event]:
        try:
            data = read_segment(*self._directories(log), segment)
        except FileNotFoundError:
            return
        for number, leaf in enumerate(leaves(data)):
            if number in wanted and leaf.record is not None and (event := _decoded(leaf.record)):
                yield event

    def _chunk(self, log: str, path: Path, position: LogPosition, records_max: int) -> Chunk:
        with path.open("rb") as file:
            status = os.fstat(file.fileno())
            hint = self._hints.get(log)
            if hint is not None and hint.position == position and hint.inode == status.st_ino:
                file.seek(hint.offset)
                data = file.read(WINDOW_BYTES)
                if next(scan(data), None) is None:
                    data += file.read()
            else:
                hint, data = _Hint(LogPosition(position.segment), 0, status.st_ino), file.read()
        records: list[Placed] = []
        leaf, end = hint.position.leaves, 0
        for part in scan(data):
            if isinstance(part, Damage):
                continue
            if len(records) == records_max:
                break
            for each in leaves_in(part.payload):
                if leaf >= position.leaves and each.record is not None and (event := _decoded(each.record)):
                    records.append(Placed(Place(log, position.segment, leaf), event))
                leaf += 1
            end = part.end
        if leaf <= position.leaves:
            return Chunk((), position)
        after = LogPosition(position.segment, leaf, position.records + len(records))
        self._hints[log] = _Hint(after, hint.offset + end, status.st_ino)
        return Chunk(tuple(records), after, status.st_size, end)

    def _directories(self, log: str) -> tuple[Path, Path]:
        process = log.rpartition("/")[2]
        return self._spool / process, self._archive / process


def _decoded(record: bytes) -> Event | None:
    try:
        return decode_event(record)
    except ValueError:
        return None
