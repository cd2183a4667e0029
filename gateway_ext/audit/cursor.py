"""How far a process directory has been delivered to each output. Durable before anything is deleted.

An output is where the trail goes: `otlp`, `ocsf`, `syslog`. Its cursor is the file `cursor.<output>` of the directory; that
of `otlp` is `cursor`. The outputs of a directory are those that have a cursor in it: the control process keeps these files
in step with its settings (enrolment.py), so that a process that writes records knows without them what waits.
"""

from __future__ import annotations

import json
import logging
import re
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from gateway_ext.audit.segments import segment_sizes
from gateway_ext.private_files import PRIVATE, write_whole

OTLP, OCSF, SYSLOG = "otlp", "ocsf", "syslog"

_NAME = re.compile(r"cursor\.([a-z]+)")
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


def cursor_path(directory: Path, output: str) -> Path:
    return directory / ("cursor" if output == OTLP else f"cursor.{output}")


def load_cursor(directory: Path, output: str = OTLP) -> Cursor:
    """The output's cursor, or one before everything. An unreadable one counts as none: sending twice is harmless."""
    path = cursor_path(directory, output)
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


def load_cursors(directory: Path) -> dict[str, Cursor]:
    """Of each output of the directory, by its name. Empty: nothing has been set up to be delivered yet. Raises OSError."""
    names = {path.name for path in directory.iterdir()}
    outputs = [match[1] for name in sorted(names) if (match := _NAME.fullmatch(name))]
    return {output: load_cursor(directory, output) for output in ([OTLP] if "cursor" in names else []) + outputs}


def save_cursor(directory: Path, cursor: Cursor, output: str = OTLP) -> None:
    """Replace the cursor atomically and durably. Raises OSError; the old cursor then still stands."""
    write_whole(cursor_path(directory, output), json.dumps(asdict(cursor)).encode(), PRIVATE)


def unshipped_bytes(directory: Path, cursor: Cursor) -> int:
    """Bytes of the spool that lie behind the cursor. Raises OSError."""
    sizes = segment_sizes(directory)
    later = sum(size for number, size in sizes.items() if number > cursor.segment)
    return later + max(0, sizes.get(cursor.segment, 0) - cursor.offset)


def undelivered_bytes(directory: Path) -> int:
    """Bytes of the spool that an output has not got yet: those behind the slowest one. Raises OSError."""
    cursors = load_cursors(directory).values()
    return unshipped_bytes(directory, min(cursors, key=position, default=Cursor()))


def position(cursor: Cursor) -> tuple[int, int]:
    return cursor.segment, cursor.offset
