"""What the audit trail says about detectors: read from spools and files of the OTLP sink, never held as a whole."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from gateway_ext.audit import semconv
from gateway_ext.audit.encoding import Event
from gateway_ext.cli.trail_events import Advance, events_in
from gateway_ext.guard.catalog import TIMEOUT
from gateway_ext.guard.graduation import Evidence
from gateway_ext.guard.inspection import ALLOWED
from gateway_ext.guard.marks import Marks
from gateway_ext.settings import StateLayout
from gateway_ext.telemetry.otlp_lines import LogLine, log_records


@dataclass(frozen=True, slots=True)
class Hit:
    """One finding in the trail. `caller` is issuer and subject, empty where the record has none."""

    record_id: str
    time_unix_nano: int
    exchange_id: str
    caller: tuple[str, str]
    detector: str
    data_class: str
    action: str
    fingerprint: str
    place: str
    role: str


@dataclass(slots=True)
class Tally:
    """Of one detector. Hits on values that policy allows are counted apart, and nowhere else."""

    data_class: str
    hits: int = 0
    allowed: int = 0
    values: set[str] = field(default_factory=set)
    callers: set[tuple[str, str]] = field(default_factory=set)

    def add(self, hit: Hit) -> None:
        if hit.action == ALLOWED:
            self.allowed += 1
            return
        self.hits += 1
        self.values.add(hit.fingerprint)
        self.callers.add(hit.caller)

    def evidence(self, detector: str, marks: Marks) -> Evidence:
        """With the marks of the values that were found."""
        found = (marks.of(detector, value) for value in self.values)
        said = [mark.is_right for mark in found if mark is not None]
        return Evidence(self.hits, len(self.values), right=sum(said), wrong=len(said) - sum(said))


@dataclass(slots=True)
class Value:
    """One value, and the last time it was found."""

    latest: Hit
    hits: int = 0
    callers: set[tuple[str, str]] = field(default_factory=set)

    def add(self, hit: Hit) -> None:
        self.hits += 1
        self.callers.add(hit.caller)
        if hit.time_unix_nano >= self.latest.time_unix_nano:
            self.latest = hit


def tallies(hits: Iterable[Hit]) -> dict[str, Tally]:
    """By detector."""
    found: dict[str, Tally] = {}
    for hit in hits:
        if hit.detector not in found:
            found[hit.detector] = Tally(hit.data_class)
        found[hit.detector].add(hit)
    return found


def values_of(hits: Iterable[Hit], detector: str) -> dict[str, Value]:
    """Values that one detector found, by fingerprint."""
    found: dict[str, Value] = {}
    for hit in hits:
        if hit.detector == detector:
            if hit.fingerprint not in found:
                found[hit.fingerprint] = Value(hit)
            found[hit.fingerprint].add(hit)
    return found


def hits_since(layout: StateLayout, sinks: Sequence[Path], since_unix_nano: int, advance: Advance) -> Iterator[Hit]:
    """Findings in files of the OTLP sink and in the logs, those of each record once. Raises OSError."""
    seen: set[str] = set()
    in_sinks = (record for sink in sinks for record in _in_sink(sink, advance))
    in_logs = (hits for event in events_in(layout, advance, since_unix_nano) if (hits := _of_event(event)))
    for hits in itertools.chain(in_sinks, in_logs):
        if hits[0].time_unix_nano < since_unix_nano:
            continue
        if sinks:  # what has been delivered stays here, too, and some arrives twice; else there is no need
            if hits[0].record_id in seen:
                continue
            seen.add(hits[0].record_id)
        yield from hits


def _of_event(event: Event) -> list[Hit]:
    """Of a record with findings its hits, as in the functions below."""
    caller = (event.decision.principal.issuer, event.decision.principal.subject)
    return [
        Hit(
            event.id,
            event.time_unix_nano,
            event.exchange_id,
            caller,
            finding.detector,
            finding.data_class,
            finding.action,
            finding.fingerprint,
            finding.place,
            finding.role,
        )
        for finding in event.decision.findings
        if finding.detector != TIMEOUT
    ]


def _in_sink(path: Path, advance: Advance) -> Iterator[list[Hit]]:
    with path.open("rb") as file:
        for line in file:
            advance(len(line))
            if semconv.FINDINGS.encode() in line:
                for record in log_records(line):
                    if hits := _of_log_record(record):
                        yield hits


def _of_log_record(record: LogLine) -> list[Hit]:
    of = record.attributes.get
    caller = (of("gateway.principal.issuer", ""), of(semconv.SUBJECT, ""))
    return [
        Hit(
            of(semconv.RECORD_ID, ""),
            record.time_unix_nano,
            of(semconv.EXCHANGE_ID, ""),
            caller,
            *(finding.get(name, "") for name in ("detector", "data_class", "action", "fingerprint", "place", "role")),
        )
        for finding in of(semconv.FINDINGS, ())
        if finding.get("detector") != TIMEOUT
    ]
