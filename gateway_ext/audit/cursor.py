"""How far a process directory has been acknowledged by the collector. Durable before anything is deleted."""

from __future__ import annotations

import json
import logging
import os
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from gateway_ext.audit.segments import segment_sizes, sync_directory

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Cursor:
    """Everything before byte `offset` of segment number `segment` has been acknowledged.

    `run_id` and `sequence` are of the last acknowledged record, so that a gap shows across restarts. `records`
    counts acknowledged records; `lost_records` (gaps in the sequence), `damaged_bytes` and `torn_tails` are losses.
    """

    segment: int = 0
    offset: int = 0
    run_id: str = ""
    sequence: int = 0
    records: int = 0
    lost_records: int = 0
    damaged_bytes: int = 0
    torn_tails: int = 0


def load_cursor(directory: Path) -> Cursor:
    """The directory's cursor, or one before everything. An unreadable one counts as none: sending twice is harmless."""
    path = directory / "cursor"
    try:
        values = json.loads(path.read_bytes())
        if {name: type(value) for name, value in values.items()} == {
            field.name: str if field.name == "run_id" else int for field in fields(Cursor)
        }:
            return Cursor(**values)
    except FileNotFoundError:
        return Cursor()
    except (ValueError, AttributeError):
        pass
    _log.error("%s is damaged: all records still on disk will be sent again", path)
    return Cursor()


def save_cursor(directory: Path, cursor: Cursor) -> None:
    """Replace the cursor atomically and durably. Raises OSError; the old cursor then still stands."""
    temporary = directory / "cursor.new"
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(json.dumps(asdict(cursor)).encode())
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(directory / "cursor")
    sync_directory(directory)


def unshipped_bytes(directory: Path, cursor: Cursor) -> int:
    """Bytes of the spool that no collector has acknowledged yet."""
    sizes = segment_sizes(directory)
    later = sum(size for number, size in sizes.items() if number > cursor.segment)
    return later + max(0, sizes.get(cursor.segment, 0) - cursor.offset)
