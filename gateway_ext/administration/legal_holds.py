"""How a legal hold is set and lifted: recorded first, then in force, and never while records are being erased."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

from gateway_ext.administration.actor import Actor
from gateway_ext.administration.recording import record_durably, told_name
from gateway_ext.administration.retention import eraser
from gateway_ext.audit.events import EventName
from gateway_ext.audit.records import OrderRecord
from gateway_ext.audit.retention.hold_store import HoldStore
from gateway_ext.audit.retention.legal_hold import LegalHold
from gateway_ext.clock import SystemClock
from gateway_ext.errors import ConfigurationError
from gateway_ext.settings import Settings

_SCOPE = "hold"


def set_hold(settings: Settings, hold: LegalHold, by: Actor) -> None:
    """Have it recorded, then in force: when this returns nothing it covers is erased any more.

    Raises ConfigurationError; then it is not in force.
    """
    store = HoldStore(settings.layout.holds)
    if any(each.name == hold.name for each in store.holds()):
        raise ConfigurationError(f"there is a hold '{hold.name}' already; choose another name, or lift it first")
    told = replace(hold, subject=told_name(settings, hold.subject))
    what = f"{said(told)}: {hold.reason}"
    _recorded(settings, EventName.AUDIT_HOLD_SET, hold.name, what, by, lambda: store.put(hold))


def lift_hold(settings: Settings, name: str, reason: str, by: Actor) -> bool:
    """Have it recorded, then no longer in force. Whether there was one. Raises ConfigurationError; then nothing changed."""
    store = HoldStore(settings.layout.holds)
    if all(each.name != name for each in store.holds()):
        return False
    _recorded(settings, EventName.AUDIT_HOLD_LIFTED, name, reason, by, lambda: store.lift(name))
    return True


def holds_in_force(settings: Settings) -> tuple[LegalHold, ...]:
    """Oldest first. Raises ConfigurationError."""
    return HoldStore(settings.layout.holds).holds()


def begin_hold_store(settings: Settings, by: Actor, reason: str) -> bool:
    """Begin the store of holds, or take the one that is there for the right one. Whether it is new.

    Raises ConfigurationError.
    """
    record_durably(settings, _record(EventName.AUDIT_HOLDS_MADE, "", reason, by, "store"))
    return HoldStore(settings.layout.holds).make(SystemClock().new_id())


def said(hold: LegalHold) -> str:
    """What it covers, in a line."""
    parts = [
        f"{name} {value}"
        for name, value in (("subject", hold.subject), ("team", hold.team), ("exchange", hold.exchange_id))
        if value
    ]
    parts += [
        f"{name} {time_said(nano)}"
        for name, nano in (("from", hold.from_unix_nano), ("until", hold.until_unix_nano))
        if nano
    ]
    return ", ".join(parts) or "everything"


def time_said(unix_nano: int) -> str:
    return datetime.fromtimestamp(unix_nano / 1e9, UTC).isoformat(timespec="seconds").removesuffix("+00:00") + "Z"


def _recorded(
    settings: Settings, name: EventName, hold: str, reason: str, by: Actor, change: Callable[[], object]
) -> None:
    record_durably(settings, _record(name, hold, reason, by))
    try:
        with eraser(settings, by).alone():
            change()
    except (ConfigurationError, OSError) as error:
        # The trail already says that it was done: it must say, too, that it did not come to be.
        undone = {
            EventName.AUDIT_HOLD_SET: EventName.AUDIT_HOLD_LIFTED,
            EventName.AUDIT_HOLD_LIFTED: EventName.AUDIT_HOLD_SET,
        }
        record_durably(settings, _record(undone[name], hold, "the order before did not take effect", by))
        if isinstance(error, OSError):
            raise ConfigurationError(f"{settings.layout.archive}: cannot be used ({error.strerror})") from error
        raise


def _record(name: EventName, value: str, reason: str, by: Actor, scope: str = _SCOPE) -> OrderRecord:
    return OrderRecord(name, scope, value, "", by.name, by.user, reason, actor_issuer=by.issuer)
