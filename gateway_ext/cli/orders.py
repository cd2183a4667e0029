"""How an operator's order is given: recorded first, then in force. Shared by stop, resume, revoke and people."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

from gateway_ext.audit.events import EventName
from gateway_ext.audit.records import OrderRecord
from gateway_ext.cli.acting_user import acting_user
from gateway_ext.cli.operator_audit import record_durably
from gateway_ext.clock import SystemClock
from gateway_ext.errors import ConfigurationError
from gateway_ext.settings import Settings, load_settings
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


def add_arguments(parser: argparse.ArgumentParser, *, shown: bool) -> None:
    """Who orders, why, and where the state lies. `shown`: whether callers are shown the reason."""
    seen = "; callers are shown it" if shown else ""
    parser.add_argument("--reason", required=True, metavar="TEXT", help=f"one line, for the audit trail{seen}")
    parser.add_argument("--actor", metavar="NAME", help="who orders it (default: the user of this machine)")
    add_state(parser)


def add_state(parser: argparse.ArgumentParser) -> None:
    """Where the state lies."""
    parser.add_argument("--settings", type=Path, metavar="FILE", help="process settings (YAML)")
    parser.add_argument("--state", type=Path, metavar="DIR", help="state directory, instead of the settings'")


def settings_of(options: argparse.Namespace) -> Settings:
    """Raises ConfigurationError when there is no such state directory: an order there would reach nobody."""
    settings = load_settings(options.settings, state_dir=options.state)
    if not settings.state_dir.is_dir():
        raise ConfigurationError(f"{settings.state_dir}: there is no such state directory; give --state")
    return settings


def give(options: argparse.Namespace, target: Target, expires_unix_nano: int = 0) -> None:
    """Have it in force. Raises ConfigurationError; then nothing has changed."""
    now_unix_nano = SystemClock().now_unix_nano()
    actor = options.actor or acting_user()
    enforce(settings_of(options), Directive(target, actor, options.reason, now_unix_nano, expires_unix_nano))


def enforce(settings: Settings, directive: Directive) -> None:
    """Record `directive`, then have it in force. Raises ConfigurationError; then nothing has changed."""
    store = StandingStore(settings.layout.standing)
    store.directives(directive.since_unix_nano)  # one that cannot be used is to be known before anything is recorded
    _recorded(settings, SET[directive.target.measure], directive, lambda: store.put(directive))


def undo(options: argparse.Namespace, target: Target) -> bool:
    """Have it no longer in force. Whether it was. Raises ConfigurationError; then nothing has changed."""
    settings = settings_of(options)
    now_unix_nano = SystemClock().now_unix_nano()
    directive = Directive(target, options.actor or acting_user(), options.reason, now_unix_nano)
    store = StandingStore(settings.layout.standing)
    if all(each.target != target for each in store.directives(now_unix_nano)):
        return False
    _recorded(settings, UNDONE[target.measure], directive, lambda: store.undo(target))
    return True


def record_of(name: EventName, directive: Directive) -> OrderRecord:
    """What the trail says about an order."""
    target = directive.target
    return OrderRecord(
        name=name,
        scope=target.scope,
        value=target.value,
        issuer=target.issuer,
        actor=directive.actor,
        user=acting_user(),
        reason=directive.reason,
        expires_unix_nano=directive.expires_unix_nano,
    )


def _recorded(settings: Settings, name: EventName, directive: Directive, change: Callable[[], object]) -> None:
    record_durably(settings, record_of(name, directive))
    try:
        change()
    except ConfigurationError:
        # The trail already says that it was ordered: it must say, too, that it did not come to be.
        record_durably(settings, record_of(EventName.STANDING_FAILED, directive))
        raise
