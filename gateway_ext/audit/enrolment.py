"""Which outputs a process directory is delivered to: those of the settings, each with a cursor of its own from then on."""

from __future__ import annotations

import logging
from collections.abc import Collection
from pathlib import Path

from gateway_ext.audit.cursor import Cursor, cursor_path, load_cursors, position, save_cursor
from gateway_ext.audit.reading import next_batch

_log = logging.getLogger(__name__)


def enrol(directory: Path, outputs: Collection[str]) -> None:
    """Begin what is new with the oldest record that is still there; forget outputs that are no longer. Raises OSError.

    In this order, so that at no moment there are fewer outputs than somebody wants: each of them holds segments back.
    """
    present = load_cursors(directory)
    for output in outputs:
        if output not in present:
            save_cursor(directory, _beginning(directory, present), output)
            if present:
                _log.warning("audit records of '%s' go to %s, too, from the oldest one on", directory.name, output)
    for output in present.keys() - set(outputs):
        cursor_path(directory, output).unlink(missing_ok=True)
        _log.warning("audit records of '%s' no longer go to %s: it is not in the settings", directory.name, output)


def _beginning(directory: Path, present: dict[str, Cursor]) -> Cursor:
    """Of a directory that was delivered elsewhere before, what has gone from here is no loss."""
    if not present:
        return Cursor()
    oldest = next_batch(directory, Cursor(), records_max=1, bytes_max=1)
    if not oldest.events:  # and numbers of segments that have gone are not used again
        furthest = max(present.values(), key=position)
        return Cursor(furthest.segment, furthest.offset, furthest.run_id, furthest.sequence)
    (first,) = oldest.events
    return Cursor(oldest.cursor.segment, 0, first.run_id, first.sequence - 1)
