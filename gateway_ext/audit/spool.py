"""The durable audit log of one process: a record is in a segment file before the request it describes goes on.

`append` returns when the record is in the page cache (it survives the process, not a power cut); a thread makes
records durable in groups, and `durable` waits for that. Whatever goes wrong with the storage refuses requests; no record
is dropped.
"""

from __future__ import annotations

import logging
import os
import re
import threading
from pathlib import Path
from typing import NoReturn, Protocol

from gateway_ext import limits
from gateway_ext.audit.cursor import load_cursors
from gateway_ext.audit.encoding import encode_event
from gateway_ext.audit.exclusive import lock_exclusively
from gateway_ext.audit.group_sync import GroupSync
from gateway_ext.audit.records import AuditRecord, OutcomeRecord
from gateway_ext.audit.segment_writer import SegmentWriter
from gateway_ext.audit.segments import frame, segment_path, segment_sizes, sync_directory
from gateway_ext.audit.spool_room import SpoolRoom
from gateway_ext.errors import AuditUnavailable, ConfigurationError

_PROCESS_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")

_log = logging.getLogger(__name__)


class _Clock(Protocol):
    def now_unix_nano(self) -> int: ...
    def monotonic_ns(self) -> int: ...
    def new_id(self) -> str: ...


class Spool:
    """Implements ports.AuditLog. Writes to `directory / process`, which belongs to one process at a time.

    `bytes_max` bounds what waits for delivery, and `reserve_bytes` of the disk are left free. Only outcomes of forwarded
    requests may pass both: each was let through by a decision that had room, here or in another process, so there are never
    more of them. With `power_loss`, `durable` waits for the disk. Every start, and every segment given up half-way, begins a
    new run: a new `run_id`, and sequence numbers from 1 without gaps. Raises ConfigurationError when the directory cannot be
    used.
    """

    def __init__(
        self,
        directory: Path,
        process: str,
        clock: _Clock,
        bytes_max: int = limits.SPOOL_BYTES_MAX,
        fsync_seconds: float = limits.SPOOL_FSYNC_SECONDS,
        *,
        reserve_bytes: int = limits.SPOOL_RESERVE_BYTES,
        power_loss: bool = False,
    ):
        if not _PROCESS_NAME.fullmatch(process):
            raise ConfigurationError("spool: a process name is 1 to 64 letters, digits, '.', '_' or '-'")
        self.directory = directory / process
        self.process = process
        self.written = 0
        self._clock = clock
        self._power_loss = power_loss
        self._mutex = threading.Lock()
        self._lock = -1
        self._closed = False
        self._refusing = ""
        self._room = SpoolRoom(self.directory, clock, bytes_max, reserve_bytes)
        self._sync = GroupSync(self.directory, fsync_seconds, self._room.watch)
        try:
            self._open_directory()
            self._room.measure()
            self._open_segment()
            sync_directory(self.directory)
        except OSError as error:
            self._unlock()
            raise ConfigurationError(f"spool {self.directory}: cannot be written ({error.strerror})") from error
        self._begin_run()
        self._sync.start()

    @property
    def fill(self) -> float:
        """What waits for delivery as a ratio of `bytes_max`; at 1.0 records, and thereby requests, are refused."""
        return self._room.fill

    @property
    def disk_fill(self) -> float:
        """The used part of the file system it lies on."""
        return self._room.disk_fill

    @property
    def failed(self) -> bool:
        """Whether an fsync failed. Final: this process must end and start anew."""
        return bool(self._sync.failure)

    def append(self, record: AuditRecord) -> None:
        """Write the record with one write(2). Raises AuditUnavailable when it could not be written in full."""
        with self._mutex:
            if self._sync.failure or self._closed:
                self._refuse(self._sync.failure or "closed")
            try:
                if not self._segment.is_usable:
                    self._open_segment()
                    self._begin_run()
                framed = self._framed(record)
                self._make_room(len(framed), must_fit=not _is_owed(record))
                self._segment.append(framed)
            except OSError as error:
                self._refuse(f"write failed ({error.strerror})")
            self._sync.wrote()
            self._sequence += 1
            self.written += 1
            self._room.appended(len(framed))
            if self._refusing and not _is_owed(record):
                self._refusing = ""
                _log.warning("spool %s: records are written again", self.directory)

    async def durable(self) -> None:
        """With `power_loss`: wait until no power cut can take what was appended before this call; many share one fsync.

        Raises AuditUnavailable when that failed. Then it is not known what is on the disk.
        """
        if self._power_loss and not await self._sync.synced():
            raise AuditUnavailable

    def close(self) -> None:
        """Make everything durable and let go of the directory. Afterwards records are refused."""
        with self._mutex:
            if not self._closed:
                self._closed = True
                self._sync.close()
                self._unlock()

    # --- one record -------------------------------------------------------------------------------------------------

    def _framed(self, record: AuditRecord) -> bytes:
        try:
            payload = encode_event(
                record,
                processor=self.process,
                run_id=self._run_id,
                sequence=self._sequence + 1,
                time_unix_nano=self._clock.now_unix_nano(),
            )
        except (ValueError, TypeError):
            payload = b""  # the error may quote the field, so it is not kept
        if not payload:
            self._refuse("a record does not fit the format")
        return frame(payload)

    def _make_room(self, frame_bytes: int, *, must_fit: bool) -> None:
        if frame_bytes > limits.SPOOL_SEGMENT_BYTES:
            self._refuse("a record is larger than a segment")
        if must_fit and (lack := self._room.lack(frame_bytes)):
            self._refuse(lack)
        if self._segment.bytes_written + frame_bytes > limits.SPOOL_SEGMENT_BYTES:
            self._open_segment()

    def _refuse(self, reason: str) -> NoReturn:
        if reason != self._refusing:  # once per outage, not once per request
            self._refusing = reason
            _log.error("spool %s: refusing records: %s", self.directory, reason)
        raise AuditUnavailable

    def _begin_run(self) -> None:
        self._run_id = self._clock.new_id()
        self._sequence = 0

    # --- the directory ----------------------------------------------------------------------------------------------

    def _open_directory(self) -> None:
        made = [each for each in self.directory.parents if not each.exists()]
        self.directory.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.directory.mkdir(mode=0o700, exist_ok=True)
        self.directory.chmod(0o700)
        for each in {self.directory, self.directory.parent, *made}:  # somebody else may have made the second just now
            sync_directory(each.parent)
        self._lock = lock_exclusively(self.directory / "lock", f"spool of process '{self.process}'")

    def _unlock(self) -> None:
        if self._lock >= 0:
            os.close(self._lock)

    def _open_segment(self) -> None:
        """Go on in a new segment. Numbered above the cursors too: a power cut may have taken acknowledged segments,
        and their numbers must not be used again."""
        delivered = [cursor.segment for cursor in load_cursors(self.directory).values()]
        last = max([0, *delivered, *segment_sizes(self.directory)])
        self._segment = SegmentWriter(segment_path(self.directory, last + 1))
        self._sync.opened(self._segment)


def _is_owed(record: AuditRecord) -> bool:
    """Whether it tells how a forwarded request ended: a decision without its outcome would be a hole in the trail."""
    return isinstance(record, OutcomeRecord) and bool(record.outcome.hold_id)
