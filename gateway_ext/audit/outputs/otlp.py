"""Audit events as OTLP log records, and what a collector's reply means: the same over gRPC and HTTP.

The messages are those of the package opentelemetry-proto, filled in place: OpenTelemetry's own encoder first makes two other
objects of each record, and takes three times as long.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest, ExportLogsServiceResponse
from opentelemetry.proto.common.v1.common_pb2 import AnyValue
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord, ScopeLogs, SeverityNumber

from gateway_ext.audit import semconv
from gateway_ext.audit.delivery import Answer, Delivery
from gateway_ext.audit.encoding import Event
from gateway_ext.audit.trace_ids import span_id, trace_id

if TYPE_CHECKING:
    from opentelemetry.util.types import AnyValue as Value

EXPORT_TIMEOUT_SECONDS = 10.0
_INTEGER_MAX = 2**63 - 1
_BEGUN_MAX = 1_024  # log records remembered, about four times as long as what they are made of
_BEGUN_FROM_BYTES_MAX = 2_048  # a record of many findings is like no other
_SAMPLED = 1  # W3C Trace Context, "trace-flags"


def to_request(events: Sequence[Event]) -> ExportLogsServiceRequest:
    """One export request with one log record per event: by the run that wrote them, in order."""
    request = ExportLogsServiceRequest()
    runs: dict[tuple[str, str], ScopeLogs] = {}
    for event in events:
        writer = event.processor, event.run_id
        if (run := runs.get(writer)) is None:
            run = runs[writer] = _begin_run(request, event)
        _fill_record(run.log_records.add(), event)
    return request


def _begin_run(request: ExportLogsServiceRequest, event: Event) -> ScopeLogs:
    of_run = request.resource_logs.add()
    for name, value in semconv.resource(event).items():
        of_run.resource.attributes.add(key=name).value.string_value = value
    of_scope = of_run.scope_logs.add()
    of_scope.scope.name = semconv.SCOPE
    return of_scope


def _fill_record(record: LogRecord, event: Event) -> None:
    own = {name: value for name, value in semconv.own(event).items() if value or value == 0}
    alike = semconv.without_own(event).SerializeToString()
    begun = _begun if len(alike) <= _BEGUN_FROM_BYTES_MAX else _begin
    record.MergeFromString(begun(alike, tuple(own)))
    record.time_unix_nano = record.observed_time_unix_nano = event.time_unix_nano
    if event.decision.HasField("trace_parent"):  # part of its caller's trace: the span that telemetry makes of it
        if trace := trace_id(event):  # of zeros alone there is none
            record.trace_id = trace.to_bytes(16)
        record.span_id = span_id(event).to_bytes(8)
        record.flags = _SAMPLED if event.decision.trace_parent.sampled else 0
    for attribute, value in zip(record.attributes, own.values(), strict=False):  # behind them follow the shared ones
        _fill(attribute.value, value)


def _begin(without_own: bytes, own_names: Sequence[str]) -> bytes:
    """A log record with all that many records say alike, most of what is to be encoded, and places for what is its own."""
    event = Event.FromString(without_own)
    record = LogRecord(event_name=event.name)
    record.body.string_value = event.name
    if semconv.is_noteworthy(event):
        record.severity_number, record.severity_text = SeverityNumber.SEVERITY_NUMBER_WARN, "WARN"
    else:
        record.severity_number, record.severity_text = SeverityNumber.SEVERITY_NUMBER_INFO, "INFO"
    for name in own_names:
        record.attributes.add(key=name)
    for name, value in semconv.shared(event).items():
        if value or value == 0:
            _fill(record.attributes.add(key=name).value, value)
    return record.SerializeToString()


_begun = lru_cache(maxsize=_BEGUN_MAX)(_begin)


def _fill(into: AnyValue, value: Value) -> None:
    if isinstance(value, str):
        into.string_value = value
    elif isinstance(value, bool):
        into.bool_value = value
    elif isinstance(value, int):
        into.int_value = min(value, _INTEGER_MAX)  # a count of a record may be twice that
    elif isinstance(value, float):
        into.double_value = value
    elif isinstance(value, Mapping):
        into.kvlist_value.SetInParent()  # that an empty one is one, too
        for name, each in value.items():
            _fill(into.kvlist_value.values.add(key=name).value, each)
    elif isinstance(value, Sequence):
        into.array_value.SetInParent()
        for each in value:
            _fill(into.array_value.values.add(), each)
    else:
        raise TypeError(f"an attribute cannot be a {type(value).__name__}")


def judge(reply: ExportLogsServiceResponse, sent: int) -> Delivery:
    """A collector says in the body of a success how many records it did not take (OTLP specification, "Partial Success")."""
    rejected = reply.partial_success.rejected_log_records
    return Delivery(Answer.REJECTED, f"{rejected} of {sent}") if rejected else Delivery(Answer.ACCEPTED)
