"""The audit trail of administrative acts: a spool of its own beside those of the processes, shipped like theirs."""

from __future__ import annotations

import os
import time
from pathlib import Path

from gateway_ext.audit.encoding import WITHHELD
from gateway_ext.audit.exclusive import lock_exclusively
from gateway_ext.audit.records import AuditRecord
from gateway_ext.audit.spool import Spool
from gateway_ext.clock import SystemClock
from gateway_ext.errors import AuditUnavailable, ConfigurationError
from gateway_ext.settings import Settings
from gateway_ext.subjects.sqlite_store import SubjectsStore
from gateway_ext.veiled import veiled_act

PROCESS = "operator"
LOCK_SECONDS = 5.0
_LOCK_POLL_SECONDS = 0.02


def record_durably(settings: Settings, record: AuditRecord) -> None:
    """Have `record` on disk, for the control process to ship. Each act is a run of its own of the same spool.

    People are in it by pseudonyms from when there are any, whatever policy says today. Raises ConfigurationError when that
    fails: then nothing may be done that should have been recorded.
    """
    subjects = SubjectsStore(settings.layout.subjects)
    if subjects.exists():
        record = veiled_act(record, subjects)
    spool_dir = settings.layout.spool
    try:
        spool_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = _wait_for_lock(spool_dir / f"{PROCESS}.lock")
    except OSError as error:
        raise ConfigurationError(f"{spool_dir}: cannot be written ({error.strerror}); nothing was changed") from error
    try:
        # Without a reserve: it is left on the disk for these acts, which may be what makes room.
        spool = Spool(
            spool_dir, PROCESS, SystemClock(), settings.spool_bytes_max, settings.spool_fsync_seconds, reserve_bytes=0
        )
        try:
            spool.append(record)
        finally:
            spool.close()
        if spool.failed:
            raise AuditUnavailable
    except AuditUnavailable:
        raise ConfigurationError(
            f"{spool_dir / PROCESS}: the order cannot be recorded, so nothing was changed; check the disk, and that the"
            " control process reaches the collector"
        ) from None
    finally:
        os.close(lock)


def recorded_name(settings: Settings, name: str) -> str:
    """What records call the person `name`. Raises ConfigurationError."""
    subjects = SubjectsStore(settings.layout.subjects)
    return subjects.of(name).pseudonym if subjects.exists() else name


def told_name(settings: Settings, name: str) -> str:
    """What a record may say of somebody whom an operator named: with pseudonyms, never the name. Raises ConfigurationError."""
    subjects = SubjectsStore(settings.layout.subjects)
    if not name or not subjects.exists() or subjects.get(name) is not None:  # the last: it is a pseudonym already
        return name
    known = subjects.find(name)
    return known.pseudonym if known else WITHHELD


def _wait_for_lock(path: Path) -> int:
    """Another act takes a moment. Raises ConfigurationError past LOCK_SECONDS, OSError."""
    deadline = time.monotonic() + LOCK_SECONDS
    while True:
        try:
            return lock_exclusively(path, "another administrative act")
        except ConfigurationError:
            if time.monotonic() >= deadline:
                raise
        time.sleep(_LOCK_POLL_SECONDS)
