"""What the audit trail says about the requests of one model: where they were sent, and what became of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from gateway_ext.audit import semconv
from gateway_ext.audit.encoding import Event
from gateway_ext.audit.events import EventName
from gateway_ext.cli.trail_events import Advance, events_in
from gateway_ext.guard.catalog import TIMEOUT
from gateway_ext.settings import StateLayout
from gateway_ext.telemetry.otlp_lines import LogLine, log_records

WITHHELD = "withhold"

_SENT = frozenset({EventName.DECISION_FORWARDED, EventName.SHADOW_FORWARDED})
_OUTCOMES = frozenset({EventName.OUTCOME_SETTLED, EventName.OUTCOME_UNPRICED, EventName.OUTCOME_RECOVERED})


@dataclass(frozen=True, slots=True)
class Sent:
    """A request was forwarded. `clusters` in the order in which they are tried.

    `shadow_of`: it is a copy of that one, which nobody got the answer of.
    """

    exchange_id: str
    time_unix_nano: int
    model: str
    clusters: tuple[str, ...]
    shadow_of: str = ""


@dataclass(frozen=True, slots=True)
class Inspected:
    """The Guard has read an answer."""

    exchange_id: str
    is_withheld: bool
    findings: int


@dataclass(frozen=True, slots=True)
class Ended:
    """An exchange is over. `cluster` answered last."""

    exchange_id: str
    http_status: int
    cluster: str
    duration_ns: int
    first_byte_ns: int
    tokens: int
    cost_nano: int
    currency: str
    flags: tuple[str, ...]


Record = Sent | Inspected | Ended


@dataclass(slots=True)
class Exchange:
    """One request, as far as the trail tells."""

    clusters: tuple[str, ...]
    inspected: Inspected | None = None
    ended: Ended | None = None


def exchanges_of(model: str, since_unix_nano: int, records: Callable[[], Iterator[Record]]) -> list[Exchange]:
    """The exchanges of `model` since then. Reads `records` twice, so that only this model's are kept in memory.

    A request and its copy might each have had the place of the other: they are compared with one another.
    """
    found: dict[str, Exchange] = {}
    copies: dict[str, str] = {}
    for record in records():
        if isinstance(record, Sent) and record.model == model and record.time_unix_nano >= since_unix_nano:
            found[record.exchange_id] = Exchange(record.clusters)
            if record.shadow_of:
                copies[record.exchange_id] = record.shadow_of
    for copy_id, exchange_id in copies.items():
        if original := found.get(exchange_id):
            copy = found[copy_id]
            own, others = original.clusters, copy.clusters
            copy.clusters, original.clusters = others + own, own + others
    for record in records():
        exchange = found.get(record.exchange_id)
        if exchange is None:
            continue
        match record:  # what comes twice, from spool and sink, says the same twice
            case Inspected():
                exchange.inspected = record
            case Ended():
                exchange.ended = record
    return list(found.values())


def records_in(layout: StateLayout, sinks: Sequence[Path], since_unix_nano: int, advance: Advance) -> Iterator[Record]:
    """Of files of the OTLP sink and the logs, of that time and perhaps before. Raises OSError."""
    for sink in sinks:
        with sink.open("rb") as file:
            for line in file:
                advance(len(line))
                yield from (record for each in log_records(line) if (record := _of_log_record(each)))
    yield from (record for event in events_in(layout, advance, since_unix_nano) if (record := _of_event(event)))


def _of_event(event: Event) -> Record | None:
    decision, outcome = event.decision, event.outcome
    if event.name in _SENT:
        clusters = tuple(candidate.cluster for candidate in decision.candidates)
        return Sent(event.exchange_id, event.time_unix_nano, decision.model, clusters, decision.shadow_of)
    if event.name == EventName.ANSWER_INSPECTED:
        findings = sum(finding.detector != TIMEOUT for finding in decision.findings)
        return Inspected(event.exchange_id, decision.action == WITHHELD, findings)
    if event.name not in _OUTCOMES:
        return None
    return Ended(
        event.exchange_id,
        outcome.http_status,
        outcome.cluster,
        outcome.duration_ns,
        outcome.time_to_first_byte_ns,
        outcome.input_tokens + outcome.output_tokens,
        outcome.cost_nano,
        outcome.currency,
        tuple(outcome.flags),
    )


def _of_log_record(record: LogLine) -> Record | None:
    of = record.attributes.get
    exchange_id = of(semconv.EXCHANGE_ID, "")
    if record.event_name in _SENT:
        clusters = tuple(of(semconv.CANDIDATES, ()))
        shadow_of = of(semconv.SHADOW_OF, "")
        return Sent(exchange_id, record.time_unix_nano, of(semconv.REQUEST_MODEL, ""), clusters, shadow_of)
    if record.event_name == EventName.ANSWER_INSPECTED:
        findings = sum(finding.get("detector") != TIMEOUT for finding in of(semconv.FINDINGS, ()))
        return Inspected(exchange_id, of(semconv.ACTION, "") == WITHHELD, findings)
    if record.event_name not in _OUTCOMES:
        return None
    return Ended(
        exchange_id,
        of(semconv.HTTP_STATUS, 0),
        of(semconv.CLUSTER, ""),
        of(semconv.DURATION_NS, 0),
        of(semconv.FIRST_BYTE_NS, 0),
        of(semconv.INPUT_TOKENS, 0) + of(semconv.OUTPUT_TOKENS, 0),
        of(semconv.COST_NANO, 0),
        of(semconv.CURRENCY, ""),
        tuple(of(semconv.FLAGS, ())),
    )
