"""Makes what was appended durable: one fsync for all records of an interval, in a thread of its own.

The first fsync that fails is final. Linux drops the dirty pages it could not write and reports the error once; a
second fsync on the same descriptor would succeed without the data being on disk (fsync(2), "fsyncgate").
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable
from pathlib import Path

from gateway_ext.audit.segment_writer import SegmentWriter
from gateway_ext.audit.segments import sync_directory

_log = logging.getLogger(__name__)


class GroupSync:
    """Syncs the segments it is given until `close`; every round calls `after_round`. Closes segments it has retired."""

    def __init__(self, directory: Path, interval_seconds: float, after_round: Callable[[], None]):
        self.failure = ""
        self._directory = directory
        self._interval_seconds = interval_seconds
        self._after_round = after_round
        self._segments: deque[SegmentWriter] = deque()  # the last one is being written
        self._directory_changed = False
        self._has_unsynced = False
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="audit-fsync", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def opened(self, segment: SegmentWriter) -> None:
        """From now on `segment` is written; the one before it is synced for the last time and closed."""
        self._segments.append(segment)
        self._directory_changed = True

    def wrote(self) -> None:
        self._has_unsynced = True

    def close(self) -> None:
        """Sync what is left, end the thread, close the files. `failure` tells whether everything is durable."""
        self._closing.set()
        self._thread.join()
        for segment in self._segments:
            segment.close()
        self._segments.clear()

    def _run(self) -> None:
        try:
            while not self._closing.wait(self._interval_seconds):
                self._round()
                self._after_round()
            self._round()
        except OSError as error:
            self._fail(f"fsync failed ({error.strerror})")
        except BaseException:
            self._fail("the fsync thread ended")
            raise

    def _round(self) -> None:
        # Flags are cleared before the work: what is written meanwhile is for the next round.
        if self._directory_changed:
            self._directory_changed = False
            sync_directory(self._directory)
        while len(self._segments) > 1:
            self._segments[0].sync()
            self._segments.popleft().close()
        if self._has_unsynced:
            self._has_unsynced = False
            self._segments[-1].sync()

    def _fail(self, failure: str) -> None:
        self.failure = failure
        _log.critical("spool %s: %s; no record is accepted any more, restart this process", self._directory, failure)
