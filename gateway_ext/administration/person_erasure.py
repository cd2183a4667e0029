"""A person is erased (GDPR, Article 17): name and key are destroyed, and with the key all that was sealed under it.

Records stay as they are, byte for byte, and so does every proof. Sums of money stay, under a name that means nobody. Run
again after a failure, it goes on: the key is destroyed last, and what is done already is found done.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from gateway_ext.administration import subjects
from gateway_ext.administration.actor import Actor
from gateway_ext.administration.acts import record_act
from gateway_ext.administration.credentials import life_cycle
from gateway_ext.administration.legal_holds import holds_in_force
from gateway_ext.administration.person_records import Person, about, plain_count
from gateway_ext.administration.person_report import PersonInConsole, orders_about, person_called
from gateway_ext.alerts.sqlite_store import SqliteAlerts
from gateway_ext.audit.encoding import Event
from gateway_ext.audit.events import EventName
from gateway_ext.audit.retention.hold_store import HoldStore
from gateway_ext.audit.retention.legal_hold import Unit
from gateway_ext.budget.person import PersonInLedger, Renaming
from gateway_ext.clock import SystemClock
from gateway_ext.consent.sqlite_store import AgreementsStore
from gateway_ext.credentials.sqlite_store import SqliteCredentials
from gateway_ext.errors import ConfigurationError
from gateway_ext.settings import Settings
from gateway_ext.sqlite_remains import remove_remains
from gateway_ext.standing.sqlite_store import StandingStore
from gateway_ext.subjects.subject import erased_name, new_subject
from gateway_ext.veiled import SUBJECT

REVOKED = "its owner is erased"


@dataclass(frozen=True, slots=True)
class Erasure:
    """What was done. `called` is what stands in the person's place, `changed` counts rows by store.

    `plain_records` of the trail name the person still, and `policy_files` say the name: nobody can erase either here.
    """

    called: str
    changed: Mapping[str, int] = field(default_factory=dict)
    plain_records: int = 0
    policy_files: tuple[str, ...] = ()
    is_compact: bool = True

    @property
    def found_nothing(self) -> bool:
        return not any(self.changed.values()) and not self.plain_records


def erase(
    settings: Settings,
    name: str,
    by: Actor,
    reason: str,
    ledger: PersonInLedger,
    console: PersonInConsole,
    *,
    compact: bool = True,
) -> Erasure:
    """Revoke, record, erase. Without `compact` what deleted rows leave in files stays until these are written anew.

    Raises ConfigurationError, LedgerUnavailable, OSError; run it again then.
    """
    subjects.require_reason(reason, name)
    person = person_called(settings, name)
    _require_no_orders(settings, name)
    _require_no_hold(settings, person)
    plain_records = plain_count(settings, name)
    _revoke(settings, by, person)
    new_name = erased_name((person.subject or new_subject(name)).pseudonym)
    called = new_name if person.subject is None else person.subject.pseudonym
    record_act(settings, EventName.SUBJECT_ERASED, SUBJECT, called, reason, by)
    changed = {store: forget() for store, forget in _stores(settings, person, new_name, ledger, console)}
    if compact:
        _compact(settings)
    if person.subject is not None:
        now_unix_nano = SystemClock().now_unix_nano()
        changed["subjects"] = int(subjects.store_of(settings).erase(person.subject.pseudonym, now_unix_nano))
    return Erasure(called, changed, plain_records, tuple(_policy_files(settings, name)), compact)


def _require_no_orders(settings: Settings, name: str) -> None:
    """Erasing them would let the person in again; leaving them would leave the name."""
    named = [each for each in orders_about(settings, name) if each.target.value == name]
    if named:
        raise ConfigurationError(
            f"{len(named)} orders in force name the person ('gateway-ext standing'); have their account ended at the identity"
            " provider, then undo the orders ('gateway-ext people enable', 'resume'), then erase"
        )


def _require_no_hold(settings: Settings, person: Person) -> None:
    """Records under a legal hold are to stay readable: that duty goes before erasure (GDPR, Article 17(3))."""
    holds = holds_in_force(settings) if settings.layout.holds.exists() else ()
    if not holds:
        return
    units = [_unit(event, person) for event in about(settings, person)]
    for hold in holds:
        if hold.subject in person.names or any(map(hold.covers, units)):
            raise ConfigurationError(
                f"the legal hold '{hold.name}' keeps records of the person; lift it, or erase when it is over"
            )


def _unit(event: Event, person: Person) -> Unit:
    teams = frozenset({event.decision.principal.team}) if event.WhichOneof("body") == "decision" else frozenset()
    time_unix_nano = event.time_unix_nano
    return Unit(event.exchange_id, time_unix_nano, time_unix_nano, None, frozenset(person.names), teams, True)


def _revoke(settings: Settings, by: Actor, person: Person) -> None:
    life = life_cycle(settings, by, REVOKED)
    for credential in life.store.all():
        if credential.owner.subject == person.name:
            life.revoke(credential)


def _stores(
    settings: Settings, person: Person, new_name: str, ledger: PersonInLedger, console: PersonInConsole
) -> Iterator[tuple[str, Callable[[], int]]]:
    """Each store that holds anything of people, and how it lets go of one. The credentials last: the others need their ids."""
    layout, name = settings.layout, person.name
    yield "ledger", lambda: ledger.rename(Renaming(name, new_name, person.credential_ids))
    if layout.agreements.exists():
        yield "agreements", lambda: AgreementsStore(layout.agreements).forget(name, new_name)
    if layout.standing.exists():
        yield "standing", lambda: StandingStore(layout.standing).rename_actor(name, new_name)
    if layout.holds.exists():
        yield "legal holds", lambda: HoldStore(layout.holds).rename_actor(name, new_name)
    if layout.alerts.exists():
        yield "alerts", lambda: SqliteAlerts(layout.alerts).forget_person(name)
    yield "console", lambda: console.forget(name)
    yield "credentials", lambda: SqliteCredentials(layout.credentials).forget(name)


def _compact(settings: Settings) -> None:
    layout = settings.layout
    for path in (
        layout.ledger,
        layout.agreements,
        layout.standing,
        layout.holds,
        layout.alerts,
        layout.console,
        layout.credentials,
    ):
        if path.exists():
            _remove_remains(path)


def _remove_remains(path: Path) -> None:
    try:
        remove_remains(path)
    except sqlite3.Error as error:
        raise ConfigurationError(
            f"{path}: could not be rewritten without what is left of deleted rows ({error}); run it again when less goes on"
        ) from error


def _policy_files(settings: Settings, name: str) -> Iterator[str]:
    for path in sorted(settings.policies_dir.glob("*")) if settings.policies_dir.is_dir() else ():
        if path.is_file() and name.encode() in path.read_bytes():
            yield path.name
