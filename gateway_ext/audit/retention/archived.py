"""Which segments there are, and when each begins: known once, so that a look at 100,000 of them reads names alone."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from gateway_ext.audit.archive import log_segments
from gateway_ext.audit.erased import MARK
from gateway_ext.audit.retention.units import event_of
from gateway_ext.audit.segments import HEADER_BYTES, process_directories, segment_numbers, sync_directory

UNFINISHED = ".new"
FOR_EVER = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Segment:
    """`begins_unix_nano` is the time of its first record; 0 when that cannot be read. It ends where the next one begins."""

    log: str
    number: int
    path: Path
    begins_unix_nano: int
    is_archived: bool
    ends_unix_nano: int = FOR_EVER


class Segments:
    """Those of all logs that hold records. Used by one thread at a time. Raises OSError."""

    def __init__(self, spool_root: Path, archive_root: Path):
        self._spool_root = spool_root
        self._archive_root = archive_root
        self._begins: dict[Path, int | None] = {}  # of the archive; None: nothing but erased records

    def all(self) -> list[Segment]:
        """In the order of their logs and numbers."""
        names = {each.name for root in (self._spool_root, self._archive_root) for each in process_directories(root)}
        return [segment for name in sorted(names) for segment in self._of(name)]

    def _of(self, name: str) -> list[Segment]:
        spool, archive = self._spool_root / name, self._archive_root / name
        spooled = set(segment_numbers(spool)) if spool.is_dir() else set()
        found: list[Segment] = []
        for number, path in reversed(log_segments(spool, archive).items()):
            is_archived = number not in spooled  # for a moment it is in both places, and is then left alone
            begins = self._begins_of(path) if is_archived else begins_unix_nano(path)
            if begins is not None:
                ends = found[-1].begins_unix_nano if found else FOR_EVER
                found.append(Segment(name, number, path, begins, is_archived, ends))
        return found[::-1]

    def forget(self, path: Path) -> None:
        """It has changed."""
        self._begins.pop(path, None)

    def clear_unfinished(self) -> None:
        """Remove what a crash left of segments that were being written: it holds records that are to be erased later."""
        for directory in process_directories(self._archive_root):
            for path in directory.glob(f"*{UNFINISHED}"):
                path.unlink(missing_ok=True)
                sync_directory(directory)

    def _begins_of(self, path: Path) -> int | None:
        if path not in self._begins:
            self._begins[path] = begins_unix_nano(path)
        return self._begins[path]


def begins_unix_nano(path: Path) -> int | None:
    """When its first record was written; None: there is none. Reads no more than it needs. Raises OSError."""
    try:
        with path.open("rb") as file:
            while len(header := file.read(HEADER_BYTES)) == HEADER_BYTES:
                payload = file.read(int.from_bytes(header[:4], "little"))
                if not payload.startswith(MARK):
                    event = event_of(payload)
                    return event.time_unix_nano if event else 0
    except FileNotFoundError:  # moved meanwhile
        return 0
    return None
