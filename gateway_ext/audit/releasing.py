"""Lets go of segments that every output has."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from gateway_ext.audit.cursor import load_cursors
from gateway_ext.audit.segments import segment_numbers

Retire = Callable[[Path, int], None]
"""Deletes or moves segment N of a spool directory. Raises OSError."""


def release(directory: Path, kept_from: Callable[[Path], int], retire: Retire) -> None:
    """Retire the segments below the slowest output's, and below `kept_from`, the first one that is still needed here.

    Cursors are read from the disk, so they are durable; one only moves past a segment when a newer one exists, so the
    newest is always kept. One caller at a time. Raises OSError.
    """
    slowest = min((cursor.segment for cursor in load_cursors(directory).values()), default=0)
    delivered = [number for number in segment_numbers(directory) if number < slowest]
    needed_from = kept_from(directory) if delivered else 0
    for number in delivered:
        if number < needed_from:
            retire(directory, number)
