"""One span for each exchange, made of its audit records: no content, nobody's name.

Its ids follow from the exchange's (audit/trace_ids.py), so that a span that is sent again is the same span.
"""

from __future__ import annotations

from collections import Counter
from functools import lru_cache

from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import Event as SpanEvent
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import SpanContext, SpanKind, Status, StatusCode, TraceFlags
from opentelemetry.util.types import AttributeValue

from gateway_ext.audit import semconv
from gateway_ext.audit.encoding import Event
from gateway_ext.audit.trace_ids import span_id, trace_id
from gateway_ext.limits import NANO
from gateway_ext.settings import Traces
from gateway_ext.telemetry import names
from gateway_ext.telemetry.exchanges import Exchange
from gateway_ext.telemetry.measures import error_type
from gateway_ext.wire import audit_pb2

_SCOPE = InstrumentationScope(names.SCOPE)


def is_sampled(event: Event, traces: Traces, ratio: float) -> bool:
    """`ratio` is that part, from 0 to 1: as OpenTelemetry's ParentBased(TraceIdRatioBased) decides."""
    if traces is not Traces.SAMPLED:
        return traces is Traces.ALL
    if event.decision.HasField("trace_parent"):
        return event.decision.trace_parent.sampled
    return trace_id(event) & 0xFFFF_FFFF_FFFF_FFFF < round(ratio * 2**64)


def span(decided: Event, exchange: Exchange) -> ReadableSpan:
    """Of an exchange whose decision is known: `decided`."""
    started = decided.time_unix_nano - decided.decision.duration_ns
    return ReadableSpan(
        name=_name(decided.decision),
        context=SpanContext(
            trace_id(decided),
            span_id(decided),
            is_remote=False,
            trace_flags=TraceFlags(TraceFlags.SAMPLED),
        ),
        parent=_parent(decided.decision),
        resource=_resource(decided.processor, decided.run_id),
        attributes=_attributes(exchange, decided),
        events=_events(decided, exchange.inspected),
        kind=SpanKind.SERVER,
        status=_status(exchange),
        start_time=started,
        end_time=_ended(exchange, decided, started),
        instrumentation_scope=_SCOPE,
    )


def _name(decision: audit_pb2.Decision) -> str:
    operation = semconv.operation(decision.endpoint) or decision.endpoint or "request"
    return f"{operation} {decision.model}".rstrip()


def _parent(decision: audit_pb2.Decision) -> SpanContext | None:
    if not decision.HasField("trace_parent"):
        return None
    parent = decision.trace_parent
    flags = TraceFlags(TraceFlags.SAMPLED if parent.sampled else TraceFlags.DEFAULT)
    return SpanContext(
        int.from_bytes(parent.trace_id), int.from_bytes(parent.span_id), is_remote=True, trace_flags=flags
    )


@lru_cache(maxsize=64)
def _resource(processor: str, run_id: str) -> Resource:
    return Resource(semconv.resource(Event(processor=processor, run_id=run_id)))


def _attributes(exchange: Exchange, decided: Event) -> dict[str, AttributeValue]:
    recorded = semconv.attributes(decided)
    if exchange.outcome is not None:
        recorded |= semconv.attributes(exchange.outcome)
    attributes: dict[str, AttributeValue] = {name: value for name, value in recorded.items() if name in names.ON_SPANS}
    if exchange.is_missing_outcome:
        attributes[names.OUTCOME_MISSING] = True
    if exchange.outcome is not None:
        outcome = exchange.outcome.outcome
        if error := error_type(outcome):
            attributes[names.ERROR_TYPE] = error
        if decided.decision.stream and outcome.time_to_first_byte_ns:
            attributes[names.TIME_TO_FIRST_CHUNK] = outcome.time_to_first_byte_ns / NANO
    elif decided.decision.http_status >= 400:
        attributes[names.ERROR_TYPE] = str(decided.decision.http_status)
    return attributes


def _events(decided: Event, inspected: Event | None) -> list[SpanEvent]:
    """When it was decided, and how many findings of each class and action there were."""
    events = []
    for event, side in ((decided, "request"), (inspected, "answer")):
        if event is None:
            continue
        at = event.time_unix_nano
        events.append(SpanEvent(names.DECIDED, {semconv.ACTION: event.decision.action, names.GUARD_SIDE: side}, at))
        found = Counter((finding.data_class, finding.action) for finding in event.decision.findings)
        for (data_class, action), count in sorted(found.items()):
            attributes: dict[str, AttributeValue] = {
                names.DATA_CLASS: data_class,
                names.GUARD_ACTION: action,
                names.GUARD_SIDE: side,
                names.COUNT: count,
            }
            events.append(SpanEvent(names.FOUND, attributes, at))
    return events


def _status(exchange: Exchange) -> Status:
    """As of a server's span: what the caller did wrong, or broke off, is no error of ours."""
    if exchange.outcome is not None:
        outcome = exchange.outcome.outcome
        is_cut = not outcome.saw_end_of_stream and "client_aborted" not in outcome.flags
        is_error = outcome.http_status >= 500 or is_cut
    else:
        is_error = exchange.decision is not None and exchange.decision.decision.http_status >= 500
    return Status(StatusCode.ERROR if is_error else StatusCode.UNSET)


def _ended(exchange: Exchange, decided: Event, started: int) -> int:
    """Without an outcome the decision is the last that is known."""
    if exchange.outcome is None:
        return decided.time_unix_nano
    took_ns = exchange.outcome.outcome.duration_ns
    return max(started + took_ns if took_ns else exchange.outcome.time_unix_nano, decided.time_unix_nano)
