"""Audit events as OTLP log records, and what a collector's reply means: the same over gRPC and HTTP."""

from __future__ import annotations

from collections.abc import Sequence

from opentelemetry._logs import LogRecord, SeverityNumber
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.common._log_encoder import encode_logs
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest, ExportLogsServiceResponse
from opentelemetry.sdk._logs import ReadableLogRecord
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags, set_span_in_context

from gateway_ext.audit import semconv
from gateway_ext.audit.delivery import Answer, Delivery
from gateway_ext.audit.encoding import Event
from gateway_ext.audit.trace_ids import span_id, trace_id

EXPORT_TIMEOUT_SECONDS = 10.0


def to_request(events: Sequence[Event]) -> ExportLogsServiceRequest:
    """One export request with one log record per event, in order."""
    scope = InstrumentationScope(semconv.SCOPE)
    resources = {event.run_id: Resource(semconv.resource(event)) for event in events}
    return encode_logs(
        [
            ReadableLogRecord(
                log_record=LogRecord(
                    timestamp=event.time_unix_nano,
                    observed_timestamp=event.time_unix_nano,
                    context=_context(event),
                    severity_number=SeverityNumber.WARN if semconv.is_noteworthy(event) else SeverityNumber.INFO,
                    severity_text="WARN" if semconv.is_noteworthy(event) else "INFO",
                    event_name=event.name,
                    body=event.name,
                    attributes=semconv.attributes(event),
                ),
                resource=resources[event.run_id],
                instrumentation_scope=scope,
            )
            for event in events
        ]
    )


def _context(event: Event) -> Context | None:
    """Of a request that is part of its caller's trace: the span that telemetry makes of it."""
    if not event.decision.HasField("trace_parent"):
        return None
    flags = TraceFlags(TraceFlags.SAMPLED if event.decision.trace_parent.sampled else TraceFlags.DEFAULT)
    span_context = SpanContext(trace_id(event), span_id(event), is_remote=False, trace_flags=flags)
    return set_span_in_context(NonRecordingSpan(span_context), Context())


def judge(reply: ExportLogsServiceResponse, sent: int) -> Delivery:
    """A collector says in the body of a success how many records it did not take (OTLP specification, "Partial Success")."""
    rejected = reply.partial_success.rejected_log_records
    return Delivery(Answer.REJECTED, f"{rejected} of {sent}") if rejected else Delivery(Answer.ACCEPTED)
