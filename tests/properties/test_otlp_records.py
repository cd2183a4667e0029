"""Log records are made without OpenTelemetry's encoder: what arrives is what that would have sent."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import example, given, settings
from hypothesis import strategies as st
from opentelemetry._logs import LogRecord, SeverityNumber
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.common._log_encoder import encode_logs
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.sdk._logs import ReadableLogRecord
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags, set_span_in_context

from gateway_ext.audit import semconv
from gateway_ext.audit.encoding import Event
from gateway_ext.audit.outputs.otlp import to_request
from gateway_ext.audit.trace_ids import span_id, trace_id
from gateway_ext.wire.audit_pb2 import Decision, Finding, Outcome, Principal, TraceParent
from tests.properties.test_audit_outputs import events

SCOPE = InstrumentationScope(semconv.SCOPE)
FULL = Event(
    id="r-1",
    run_id="r",
    processor="p0",
    time_unix_nano=2**60,
    name="request:decision:forwarded",
    exchange_id="0af7651916cd43dd8448eb211c80319c",
    decision=Decision(
        principal=Principal(subject="süß", groups=["a", "b"]),
        findings=[Finding(detector="d", confidence=0.5, start=3)],
        trace_parent=TraceParent(trace_id=b"\x01" * 16, span_id=b"\x02" * 8, sampled=True),
        held_nano=2**62,
    ),
)
MANY = Event(id="r-3", run_id="r", decision=Decision(findings=[Finding(place="p" * 40, start=n) for n in range(99)]))
NUMB = Event(id="r-2", run_id="r", name="request:outcome:settled", outcome=Outcome(attempts=0, cost_nano=0))


def by_opentelemetry(recorded: Sequence[Event]) -> ExportLogsServiceRequest:
    return encode_logs(
        [ReadableLogRecord(log_record(event), Resource(semconv.resource(event)), SCOPE) for event in recorded]
    )


def log_record(event: Event) -> LogRecord:
    is_warning = semconv.is_noteworthy(event)
    return LogRecord(
        timestamp=event.time_unix_nano,
        observed_timestamp=event.time_unix_nano,
        context=context(event),
        severity_number=SeverityNumber.WARN if is_warning else SeverityNumber.INFO,
        severity_text="WARN" if is_warning else "INFO",
        event_name=event.name,
        body=event.name,
        attributes=semconv.attributes(event),
    )


def context(event: Event) -> Context:
    if not event.decision.HasField("trace_parent"):
        return Context()
    flags = TraceFlags(TraceFlags.SAMPLED if event.decision.trace_parent.sampled else TraceFlags.DEFAULT)
    span_context = SpanContext(trace_id(event), span_id(event), is_remote=False, trace_flags=flags)
    return set_span_in_context(NonRecordingSpan(span_context), Context())


@settings(max_examples=50, deadline=None)
@example([FULL, NUMB, MANY, FULL])
@given(recorded=st.lists(events(), max_size=3))
def test_what_arrives_is_what_opentelemetry_would_have_sent(recorded: list[Event]) -> None:
    ours, theirs = in_order(to_request(recorded)), in_order(by_opentelemetry(recorded))
    assert ours.SerializeToString(deterministic=True) == theirs.SerializeToString(deterministic=True)


def in_order(request: ExportLogsServiceRequest) -> ExportLogsServiceRequest:
    """With attributes by name: in what order they are said is no matter."""
    for of_resource in request.resource_logs:
        for of_scope in of_resource.scope_logs:
            for record in of_scope.log_records:
                record.attributes.sort(key=lambda attribute: attribute.key)
    return request


@settings(max_examples=50, deadline=None)
@given(event=events())
def test_what_many_records_say_alike_is_told_from_what_is_ones_own(event: Event) -> None:
    assert semconv.shared(semconv.without_own(event)) == semconv.shared(event)
    assert semconv.attributes(event).keys() <= set(semconv.attribute_names())
    said_by_both = semconv.own(event).keys() & {
        name for name, value in semconv.shared(event).items() if value is not None
    }
    assert not said_by_both
