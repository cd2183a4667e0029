"""Events as the trail holds them, with what a test is about, and what an index is told of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from gateway_ext.audit.encoding import Event, decode_event, encode_event
from gateway_ext.audit.events import EventName
from gateway_ext.audit.index.store import Chunk, Index, LogPosition, Place, Placed
from gateway_ext.audit.records import AuditRecord, DecisionRecord, OrderRecord, OutcomeRecord
from gateway_ext.exchange import Candidate, CredentialClass, Finding, Outcome, Principal, Usage

EU = Candidate("eu/large", "eu", "large-2026", "EU", "sovereign")
US = Candidate("us/large", "us", "large-2025", "US", "open")
ORDER = OrderRecord(EventName.STOP_SET, "model", "large", "", "olga", "root", "the operator's words")


def decision(
    exchange_id: str,
    *,
    subject: str = "anna",
    team: str = "risk",
    classes: Iterable[str] = (),
    reason: str = "",
    name: EventName | None = None,
    action: str = "",
) -> DecisionRecord:
    """Forwarded; with a `reason` refused."""
    findings = tuple(
        Finding("email", "1", each, 0, "/messages/0/content", 1, 2, 0.9, "log", False, "f") for each in classes
    )
    return DecisionRecord(
        name or (EventName.DECISION_REFUSED if reason else EventName.DECISION_FORWARDED),
        exchange_id,
        action or ("refuse" if reason else "forward"),
        "d1",
        "public",
        "192.0.2.1",
        reason=reason,
        principal=Principal(
            subject, "person", "company", CredentialClass.SSO, "k", team=team, project="p", application="app"
        ),
        model="large",
        findings=findings,
        candidates=() if reason else (EU, US),
    )


def outcome(
    exchange_id: str,
    *,
    cost_nano: int = 1_000,
    served_by: Candidate = EU,
    flags: tuple[str, ...] = (),
    name: EventName = EventName.OUTCOME_SETTLED,
) -> OutcomeRecord:
    ended = Outcome(exchange_id, "h", 200, served_by.cluster, None, 1, 1, 1, 1, 1, True, "access_log", flags)
    return OutcomeRecord(name, ended, Usage(812, 120), cost_nano, "EUR", served_by)


def event(record: AuditRecord, time_unix_nano: int, *, run_id: str = "r", sequence: int | None = None) -> Event:
    """By default its time is its sequence, too."""
    number = time_unix_nano if sequence is None else sequence
    data = encode_event(record, processor="p", run_id=run_id, sequence=number, time_unix_nano=time_unix_nano)
    return decode_event(data)


@dataclass
class Log:
    """A log as an index is told of it."""

    index: Index
    name: str = "gateway/p0"
    position: LogPosition = field(default_factory=LogPosition)
    events: dict[Place, Event] = field(default_factory=dict)

    async def write(self, *events: Event) -> bool:
        """The next records of it. Whether the index took them."""
        start = self.position
        places = [Place(self.name, start.segment, start.leaves + number) for number in range(len(events))]
        after = LogPosition(start.segment, start.leaves + len(events), start.records + len(events))
        placed = tuple(map(Placed, places, events))
        self.events |= dict(zip(places, events, strict=True))
        self.position = after
        return await self.index.add(self.name, start, Chunk(placed, after, 100, 100))

    def read(self, places: Sequence[Place]) -> list[Event]:
        return [self.events[place] for place in places if place in self.events]
