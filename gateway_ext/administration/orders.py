"""How an operator's order is given: recorded first, then in force. Shared by commands and the console."""

from __future__ import annotations

from collections.abc import Callable

from gateway_ext.administration.actor import Actor
from gateway_ext.administration.recording import record_durably
from gateway_ext.audit.events import EventName
from gateway_ext.audit.records import OrderRecord
from gateway_ext.clock import SystemClock
from gateway_ext.errors import ConfigurationError
from gateway_ext.settings import Settings
from gateway_ext.standing.directives import Directive, Measure, Target
from gateway_ext.standing.sqlite_store import StandingStore

SET = {
    Measure.REVOKED: EventName.CREDENTIAL_REVOKED,
    Measure.DISABLED: EventName.PERSON_DISABLED,
    Measure.STOPPED: EventName.STOP_SET,
}
UNDONE = {
    Measure.REVOKED: EventName.CREDENTIAL_RESTORED,
    Measure.DISABLED: EventName.PERSON_ENABLED,
    Measure.STOPPED: EventName.STOP_UNDONE,
}


def give(settings: Settings, target: Target, by: Actor, reason: str, expires_unix_nano: int = 0) -> Directive:
    """Have it recorded, then in force. Raises ConfigurationError; then nothing has changed."""
    directive = Directive(target, by.name, reason, SystemClock().now_unix_nano(), expires_unix_nano)
    store = StandingStore(settings.layout.standing)
    store.directives(directive.since_unix_nano)  # one that cannot be used is to be known before anything is recorded
    _recorded(settings, SET[target.measure], directive, by, lambda: store.put(directive))
    return directive


def undo(settings: Settings, target: Target, by: Actor, reason: str) -> bool:
    """Have it no longer in force. Whether it was. Raises ConfigurationError; then nothing has changed."""
    directive = Directive(target, by.name, reason, SystemClock().now_unix_nano())
    store = StandingStore(settings.layout.standing)
    if all(each.target != target for each in store.directives(directive.since_unix_nano)):
        return False
    _recorded(settings, UNDONE[target.measure], directive, by, lambda: store.undo(target))
    return True


def in_force(settings: Settings) -> list[Directive]:
    """All orders, oldest first. Raises ConfigurationError."""
    return StandingStore(settings.layout.standing).directives(SystemClock().now_unix_nano())


def begin_store(settings: Settings, by: Actor, reason: str) -> bool:
    """Begin the store of orders, or take the one that is there for the right one. Whether it is new.

    Raises ConfigurationError.
    """
    record_durably(settings, OrderRecord(EventName.STANDING_MADE, "store", "", "", by.name, by.user, reason))
    return StandingStore(settings.layout.standing).make(SystemClock().new_id())


def _recorded(
    settings: Settings, name: EventName, directive: Directive, by: Actor, change: Callable[[], object]
) -> None:
    record_durably(settings, _record(name, directive, by))
    try:
        change()
    except ConfigurationError:
        # The trail already says that it was ordered: it must say, too, that it did not come to be.
        record_durably(settings, _record(EventName.STANDING_FAILED, directive, by))
        raise


def _record(name: EventName, directive: Directive, by: Actor) -> OrderRecord:
    target = directive.target
    return OrderRecord(
        name=name,
        scope=target.scope,
        value=target.value,
        issuer=target.issuer,
        actor=directive.actor,
        user=by.user,
        reason=directive.reason,
        expires_unix_nano=directive.expires_unix_nano,
        actor_issuer=by.issuer,
    )
