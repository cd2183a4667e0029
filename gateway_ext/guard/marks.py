"""Judgements of people about values that the Guard found, known by fingerprint alone: one file, JSON lines, append-only.

Lost, the precision of detectors is no longer known and has to be measured again by marking values; nothing else
depends on it. A line that cannot be read is left out and counted. A later mark replaces an earlier one.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from gateway_ext.errors import ConfigurationError

FILE_NAME = "guard-marks.jsonl"
"""Name of the file below the state directory."""

NOTE_CHARACTERS_MAX = 200
FINGERPRINT = re.compile(r"[0-9a-f]{32}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Mark:
    """`detector` is empty when the judgement is about the value whatever found it. `by` is the user who said so."""

    fingerprint: str
    is_right: bool
    detector: str
    note: str
    by: str
    marked_unix_nano: int


@dataclass(frozen=True, slots=True)
class Marks:
    """The marks in force, by detector and fingerprint; `damaged` counts lines that could not be read."""

    latest: Mapping[tuple[str, str], Mark] = field(default_factory=dict)
    damaged: int = 0

    def of(self, detector: str, fingerprint: str) -> Mark | None:
        """What was said about a value: a mark about this detector beats one about any."""
        return self.latest.get((detector, fingerprint)) or self.latest.get(("", fingerprint))


def load(path: Path) -> Marks:
    """All marks of a file; none when there is no file. Raises ConfigurationError."""
    latest: dict[tuple[str, str], Mark] = {}
    damaged = 0
    try:
        with path.open("rb") as file:
            for line in file:
                mark = _mark(line)
                if mark is None:
                    damaged += 1
                else:
                    latest[mark.detector, mark.fingerprint] = mark
    except FileNotFoundError:
        return Marks()
    except OSError as error:
        raise ConfigurationError(f"{path}: the marks cannot be read ({error.strerror})") from error
    return Marks(latest, damaged)


def append(path: Path, mark: Mark) -> None:
    """Add a mark durably, or raise ConfigurationError; several processes may do so at once."""
    line = json.dumps(asdict(mark)).encode() + b"\n"
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            end = os.fstat(descriptor).st_size
            if end and os.pread(descriptor, 1, end - 1) != b"\n":
                line = b"\n" + line  # a writer was killed half-way through its line: only that one is lost
            _write(descriptor, line, end)
        finally:
            os.close(descriptor)
        _sync_directory(path.parent)
    except OSError as error:
        raise ConfigurationError(f"{path}: the mark cannot be stored ({error.strerror})") from error


def _write(descriptor: int, data: bytes, end: int) -> None:
    """All of `data` at the end of the file, and on disk; or, with OSError, none of it."""
    left = memoryview(data)
    try:
        while left:
            left = left[os.write(descriptor, left) :]
        os.fsync(descriptor)
    except OSError:
        os.ftruncate(descriptor, end)
        raise


def _sync_directory(directory: Path) -> None:
    """A file's own fsync does not make its name durable (fsync(2))."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _mark(line: bytes) -> Mark | None:
    try:
        values: Any = json.loads(line)
        mark = Mark(**values)
    except (ValueError, TypeError):
        return None
    types = {name: type(value) for name, value in asdict(mark).items()}
    expected = {"fingerprint": str, "is_right": bool, "detector": str, "note": str, "by": str, "marked_unix_nano": int}
    return mark if types == expected and FINGERPRINT.fullmatch(mark.fingerprint) else None
