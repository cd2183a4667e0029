"""A file of lines that only grows, each durable before whoever wrote it is told so."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path


class LineFile:
    """Appends whole groups of lines durably, or none. Mode 0600. Raises OSError."""

    def __init__(self, path: Path):
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        self._end = os.fstat(self._descriptor).st_size
        if self._end and os.pread(self._descriptor, 1, self._end - 1) != b"\n":
            self._write(b"\n")  # killed half-way through a line, which nobody was told is stored

    def append(self, lines: Sequence[bytes]) -> None:
        self._write(b"".join(lines))

    def _write(self, data: bytes) -> None:
        try:
            left = memoryview(data)
            while left:
                left = left[os.write(self._descriptor, left) :]
            os.fsync(self._descriptor)
        except OSError:
            os.ftruncate(self._descriptor, self._end)
            raise
        self._end += len(data)

    def close(self) -> None:
        os.close(self._descriptor)
