"""One open segment of the spool. A failed append leaves no trace behind, or the segment is not used any more."""

from __future__ import annotations

import errno
import os
from pathlib import Path


class SegmentWriter:
    """Appends to a new file of mode 0600. Raises OSError (FileExistsError when there is such a file)."""

    def __init__(self, path: Path):
        self._descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o600)
        self.bytes_written = 0
        self.is_usable = True

    def append(self, frame: bytes) -> None:
        """One write(2). Raises OSError, also for a short write; when `is_usable`, nothing of `frame` is then left."""
        try:
            written = os.write(self._descriptor, frame)
        except OSError:
            self.is_usable = self._take_back(len(frame))
            raise
        if written != len(frame):
            self.is_usable = self._take_back(len(frame))
            raise OSError(errno.ENOSPC, "short write")
        self.bytes_written += written

    def _take_back(self, frame_bytes: int) -> bool:
        """Remove what a failed write left. Not a whole frame: the shipper may have read it already."""
        try:
            left_bytes = os.fstat(self._descriptor).st_size - self.bytes_written
            if 0 < left_bytes < frame_bytes:
                os.ftruncate(self._descriptor, self.bytes_written)
        except OSError:
            return False
        return left_bytes < frame_bytes

    def sync(self) -> None:
        """Raises OSError. Never call it again then: the kernel may have dropped the pages and report success."""
        os.fsync(self._descriptor)

    def close(self) -> None:
        os.close(self._descriptor)
