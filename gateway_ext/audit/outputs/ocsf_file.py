"""The trail as OCSF events, a JSON document a line, in a file that collectors of logs follow."""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import Sequence
from pathlib import Path

import orjson

from gateway_ext.audit.delivery import Answer, Delivery
from gateway_ext.audit.encoding import Event
from gateway_ext.audit.outputs.ocsf.mapping import to_ocsf
from gateway_ext.audit.segments import sync_directory
from gateway_ext.errors import ConfigurationError

_MODE = 0o640  # whoever collects it is in the gateway's group


class OcsfFile:
    """Appends to `path`, durably before it says so. A file that has reached `bytes_max` is renamed to `path.N`, numbered upwards
    from 1; `files_kept` of these are kept, the newest, or all (0).

    The file is opened for each batch: it may be moved away at any time. Raises ConfigurationError for values that cannot be
    meant, or a directory that is not there.
    """

    def __init__(self, path: Path, bytes_max: int, files_kept: int):
        if bytes_max < 1 or files_kept < 0:
            raise ConfigurationError("ocsf_file_bytes_max must be 1 or more, ocsf_files_kept 0 or more")
        if not path.parent.is_dir() or path.is_dir():
            raise ConfigurationError(f"ocsf_file {path}: expected the path of a file in a directory that exists")
        self._path = path
        self._bytes_max = bytes_max
        self._files_kept = files_kept

    async def export(self, events: Sequence[Event]) -> Delivery:
        try:
            await asyncio.to_thread(self._write, events)
        except OSError as error:
            return Delivery(Answer.UNREACHABLE, error.strerror or type(error).__name__)
        return Delivery(Answer.ACCEPTED)

    def _write(self, events: Sequence[Event]) -> None:
        lines = b"".join(
            orjson.dumps(document, option=orjson.OPT_APPEND_NEWLINE) for event in events for document in to_ocsf(event)
        )
        self._make_room()
        is_new = not self._path.exists()
        _append(self._path, lines)
        if is_new:
            sync_directory(self._path.parent)

    def _make_room(self) -> None:
        if not self._path.exists() or self._path.stat().st_size < self._bytes_max:
            return
        full = self._full_files()
        self._path.rename(self._path.with_name(f"{self._path.name}.{max(full, default=0) + 1}"))
        sync_directory(self._path.parent)
        if self._files_kept:
            for number in sorted(self._full_files())[: -self._files_kept]:
                self._path.with_name(f"{self._path.name}.{number}").unlink(missing_ok=True)

    def _full_files(self) -> list[int]:
        name = re.compile(re.escape(self._path.name) + r"\.([1-9]\d{0,17})")
        return [int(match[1]) for path in self._path.parent.iterdir() if (match := name.fullmatch(path.name))]


def _append(path: Path, lines: bytes) -> None:
    """All of it durably, or nothing. Raises OSError."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, _MODE)
    try:
        end = os.fstat(descriptor).st_size
        # Killed half-way through a line: it will come again, whole. Whoever follows the file has read what is there.
        is_torn = end > 0 and os.pread(descriptor, 1, end - 1) != b"\n"
        left = memoryview(b"\n" + lines if is_torn else lines)
        try:
            while left:
                left = left[os.write(descriptor, left) :]
            os.fsync(descriptor)
        except OSError:
            os.ftruncate(descriptor, end)
            raise
    finally:
        os.close(descriptor)
