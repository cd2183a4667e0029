"""Retention at work: what erases, by whose order, and once an hour in the control process."""

from __future__ import annotations

import asyncio
import logging

from gateway_ext.administration.actor import Actor
from gateway_ext.administration.recording import record_durably
from gateway_ext.audit.erasures import SCOPE
from gateway_ext.audit.events import EventName
from gateway_ext.audit.records import OrderRecord
from gateway_ext.audit.retention.eraser import Eraser
from gateway_ext.audit.retention.hold_store import HoldStore
from gateway_ext.clock import SystemClock
from gateway_ext.errors import ConfigurationError, Refusal
from gateway_ext.policy.snapshot import Snapshot
from gateway_ext.ports import PolicySource
from gateway_ext.settings import Settings

FIRST_SECONDS = 60.0  # after the start
EVERY_SECONDS = 3600.0
JUMP_SECONDS = 60.0  # between two runs, by which the clock may have been set
_NANO = 1_000_000_000

_log = logging.getLogger("gateway_ext.retention")


def eraser(settings: Settings, by: Actor) -> Eraser:
    """Erases in the archive of `settings`, as an act of `by`."""
    layout = settings.layout

    def announce(log: str, reason: str) -> None:
        record_durably(
            settings,
            OrderRecord(
                EventName.AUDIT_RECORDS_ERASED, SCOPE, log, "", by.name, by.user, reason, actor_issuer=by.issuer
            ),
        )

    return Eraser(layout.spool, layout.trees, layout.archive, SystemClock(), HoldStore(layout.holds).holds, announce)


def erase_due(eraser: Eraser, snapshot: Snapshot) -> int:
    """Erase what is due by this policy. How many records. Blocks. Raises ConfigurationError saying why nothing is."""
    try:
        return eraser.erase_due(snapshot.audit.retention, exchange_seconds(snapshot))
    except OSError as error:
        raise ConfigurationError(f"retention: {error.filename}: {error.strerror}; nothing more is erased") from error


def exchange_seconds(snapshot: Snapshot) -> float:
    """Within how long all records of an exchange are written, as a rule."""
    return 2.0 * snapshot.budget.hold_ttl_seconds


async def retain(settings: Settings, policy: PolicySource) -> None:
    """Erase what is due, until cancelled. Nothing in an hour in which the clock was set: somebody is to see that first."""
    clock, at_work = SystemClock(), eraser(settings, Actor("gateway-ext control"))
    trouble, seconds = "", FIRST_SECONDS
    while True:
        before = clock.now_unix_nano() - clock.monotonic_ns()
        await asyncio.sleep(seconds)
        seconds = EVERY_SECONDS
        said = ""
        try:
            if abs(clock.now_unix_nano() - clock.monotonic_ns() - before) > JUMP_SECONDS * _NANO:
                raise ConfigurationError("the clock was set since the last look: nothing is erased for an hour")
            if erased := await asyncio.to_thread(erase_due, at_work, policy.current()):
                _log.info("retention: %d records are erased", erased)
        except ConfigurationError as error:
            said = error.diagnostics()
        except Refusal as refusal:  # what cannot be announced is not erased
            said = refusal.code
        if said and said != trouble:
            _log.error("retention: %s", said)
        trouble = said
