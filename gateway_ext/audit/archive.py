"""The archive: where delivered segments of a log lie until the retention of their records is over, beside its spool.

archive/<process>/N.segment, on the file system of the spool. A segment is moved here once the collector has its records and
a checkpoint covers them (releasing.py); from then on only retention/ changes it.
"""

from __future__ import annotations

import os
from pathlib import Path

from gateway_ext.audit.segments import segment_numbers, segment_path, sync_directory
from gateway_ext.private_files import make_private_directory


def archive_segment(spool_directory: Path, archive_directory: Path, number: int) -> None:
    """Move segment `number`, which is then durably in the archive, or still in the spool, or for a moment in both.

    Raises OSError; FileExistsError when the archive holds another segment of this number, which is not overwritten.
    """
    source, target = segment_path(spool_directory, number), segment_path(archive_directory, number)
    if not archive_directory.is_dir():
        for directory in (archive_directory.parent, archive_directory):
            make_private_directory(directory)
            sync_directory(directory.parent)
    try:
        os.link(source, target)  # a rename would replace what is there
    except FileExistsError:
        if not source.samefile(target):
            raise
    sync_directory(archive_directory)
    source.unlink()
    sync_directory(spool_directory)


def archived_segments(archive_directory: Path) -> list[int]:
    """Numbers of the segments in the archive of one log, ascending. None when it does not exist yet. Raises OSError."""
    try:
        return segment_numbers(archive_directory)
    except FileNotFoundError:
        return []


def log_segments(spool_directory: Path, archive_directory: Path) -> dict[int, Path]:
    """All segments of a log by number, ascending, wherever they lie: the newest ones in the spool. Raises OSError.

    A segment may be moved after this: read it with `read_segment`. Erased records are in it as erased.py says.
    """
    # The spool is listed first: what is moved in between is then found in the archive.
    spooled = segment_numbers(spool_directory) if spool_directory.is_dir() else []
    paths = {number: segment_path(spool_directory, number) for number in spooled}
    paths |= {number: segment_path(archive_directory, number) for number in archived_segments(archive_directory)}
    return dict(sorted(paths.items()))


def read_segment(spool_directory: Path, archive_directory: Path, number: int) -> bytes:
    """The content of a segment, wherever it lies. Raises FileNotFoundError when it is in neither place; OSError."""
    try:
        return segment_path(spool_directory, number).read_bytes()
    except FileNotFoundError:
        return segment_path(archive_directory, number).read_bytes()
