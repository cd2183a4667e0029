"""The records of the trail that are about a person, in whatever log they lie, decrypted. Read as a stream, one segment at a time."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from gateway_ext.audit import semconv
from gateway_ext.audit.archive import log_segments, read_segment
from gateway_ext.audit.encoding import Event, decode_event
from gateway_ext.audit.erased import leaves
from gateway_ext.audit.segments import process_directories
from gateway_ext.budget.renaming import renamed_budget, renamed_value
from gateway_ext.settings import Settings, StateLayout
from gateway_ext.subjects.subject import Subject


@dataclass(frozen=True, slots=True)
class Person:
    """Whom records are looked for of. `subject` is None where none names them by a pseudonym."""

    name: str
    subject: Subject | None
    credential_ids: Collection[str] = ()

    @property
    def names(self) -> tuple[str, ...]:
        return (self.name,) if self.subject is None else (self.name, self.subject.pseudonym)


def about(settings: Settings, person: Person) -> Iterator[Event]:
    """First those that name the person, log by log, then the outcomes of their requests. Raises OSError."""
    exchanges: set[str] = set()
    for event in _events(settings.layout, [each.encode() for each in (*person.names, *person.credential_ids)]):
        if any(_concerns(event, name) for name in person.names) or _is_of_credential(event, person.credential_ids):
            if event.WhichOneof("body") == "decision":
                exchanges.add(event.exchange_id)
            yield event
    if exchanges:
        for event in _events(settings.layout):
            if event.WhichOneof("body") == "outcome" and event.exchange_id in exchanges:
                yield event


def plain_count(settings: Settings, name: str) -> int:
    """How many records name the person in plain, which no key can take back. Raises OSError."""
    return sum(_concerns(event, name) for event in _events(settings.layout, [name.encode()]))


def entry(event: Event, person: Person) -> Mapping[str, Any]:
    """What a record says, by the names of docs/audit.md; `sealed` is what it keeps sealed of the person."""
    said: dict[str, Any] = {
        "event": event.name,
        "time_unix_nano": event.time_unix_nano,
        "process": event.processor,
        "attributes": semconv.attributes(event),
    }
    sealed = event.decision.principal.sealed
    if sealed and person.subject is not None and event.decision.principal.subject == person.subject.pseudonym:
        said["sealed"] = _opener()(person.subject, sealed)
    return said


def _opener() -> Callable[[Subject, bytes], dict[str, str]]:
    from gateway_ext.subjects.sealing import opened  # noqa: PLC0415  (extra `subjects`)

    return opened


def _events(layout: StateLayout, with_any: Collection[bytes] = ()) -> Iterator[Event]:
    """All that can be read; those `with_any` of these bytes in them if any are given, which spares reading the others."""
    directories = {each.name for root in (layout.spool, layout.archive) for each in process_directories(root)}
    for process in sorted(directories):
        spool, archive = layout.spool / process, layout.archive / process
        for number in log_segments(spool, archive):
            try:
                data = read_segment(spool, archive, number)
            except FileNotFoundError:  # its time was over meanwhile
                continue
            for leaf in leaves(data):
                if leaf.record and (not with_any or any(each in leaf.record for each in with_any)):
                    yield from _event(leaf.record)


def _event(record: bytes) -> Iterator[Event]:
    try:
        yield decode_event(record)
    except ValueError:
        return


def _concerns(event: Event, name: str) -> bool:
    match event.WhichOneof("body"):
        case "decision":
            return event.decision.principal.subject == name
        case "order":
            order = event.order
            return (
                name in (order.value, order.actor, order.user)
                or (order.scope == "budget" and renamed_budget(order.value, name, "") != order.value)
                or order.reason.startswith(f"for {name}: ")  # a credential that was minted
            )
        case "consent":
            return name in (event.consent.party, event.consent.actor, event.consent.user)
        case "alert":
            return renamed_value(event.alert.scope, event.alert.value, name, "") != event.alert.value
    return False


def _is_of_credential(event: Event, credential_ids: Collection[str]) -> bool:
    return event.WhichOneof("body") == "order" and event.order.value in credential_ids
