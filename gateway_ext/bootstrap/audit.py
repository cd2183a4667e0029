"""The audit log of a process, and whom its records name."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

from gateway_ext.audit.rules import Principals
from gateway_ext.audit.spool import Spool
from gateway_ext.clock import SystemClock
from gateway_ext.policy.snapshot import Snapshot
from gateway_ext.ports import AuditLog, PolicySource
from gateway_ext.settings import Durability, Settings
from gateway_ext.subjects.known import KnownSubjects
from gateway_ext.veiled import VeiledLog


@contextmanager
def opened_spool(settings: Settings, process: str) -> Iterator[Spool]:
    """The audit log of a process, open while the context lasts. Raises ConfigurationError."""
    spool = Spool(
        settings.layout.spool,
        process,
        SystemClock(),
        settings.spool_bytes_max,
        settings.spool_fsync_seconds,
        reserve_bytes=settings.spool_reserve_bytes,
        power_loss=settings.audit_durability is Durability.POWER_LOSS,
    )
    try:
        yield spool
    finally:
        spool.close()


@asynccontextmanager
async def followed_subjects(settings: Settings) -> AsyncIterator[KnownSubjects]:
    """Whom pseudonyms name, followed while the context lasts."""
    subjects = KnownSubjects(settings.layout.subjects, SystemClock())
    await subjects.start()
    try:
        yield subjects
    finally:
        await subjects.stop()


def begin_pseudonyms(subjects: KnownSubjects, snapshot: Snapshot) -> None:
    """Before any record is written under `snapshot`. Raises ConfigurationError."""
    if snapshot.audit.principals is Principals.PSEUDONYMOUS:
        subjects.begin()


def veiled(audit: AuditLog, subjects: KnownSubjects, policy: PolicySource) -> VeiledLog:
    return VeiledLog(audit, subjects, lambda: policy.current().audit.principals is Principals.PSEUDONYMOUS)
