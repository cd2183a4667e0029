"""Lines of the OTLP sink say what the record said: read back by protobuf's own mapping they are the record again."""

from __future__ import annotations

import base64

import orjson
from google.protobuf.json_format import ParseDict
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, ArrayValue, InstrumentationScope, KeyValue, KeyValueList
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord, LogsData, ResourceLogs, ScopeLogs, SeverityNumber
from opentelemetry.proto.resource.v1.resource_pb2 import Resource

from gateway_ext.telemetry.otlp_file_sink import split, to_line

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=6)
UNSIGNED_64 = st.integers(0, 2**64 - 1)
UNSIGNED_32 = st.integers(0, 2**32 - 1)
VALUES = st.recursive(
    st.one_of(
        st.builds(AnyValue),
        st.builds(AnyValue, string_value=TEXT),
        st.builds(AnyValue, bool_value=st.booleans()),
        st.builds(AnyValue, int_value=st.integers(-(2**63), 2**63 - 1)),
        st.builds(AnyValue, double_value=st.floats()),
        st.builds(AnyValue, bytes_value=st.binary(max_size=4)),
    ),
    lambda some: st.one_of(
        st.builds(AnyValue, array_value=st.builds(ArrayValue, values=st.lists(some, max_size=2))),
        st.builds(
            AnyValue,
            kvlist_value=st.builds(
                KeyValueList, values=st.lists(st.builds(KeyValue, key=TEXT, value=some), max_size=2)
            ),
        ),
    ),
    max_leaves=4,
)
ATTRIBUTES = st.lists(st.builds(KeyValue, key=TEXT, value=VALUES), max_size=3)
RECORDS = st.builds(
    LogRecord,
    time_unix_nano=UNSIGNED_64,
    observed_time_unix_nano=UNSIGNED_64,
    severity_number=st.sampled_from(SeverityNumber.values()),
    severity_text=TEXT,
    body=st.one_of(st.none(), VALUES),
    attributes=ATTRIBUTES,
    dropped_attributes_count=UNSIGNED_32,
    flags=UNSIGNED_32,
    trace_id=st.sampled_from([b"", b"\x01" * 16]),
    span_id=st.sampled_from([b"", b"\xfe" * 8]),
    event_name=TEXT,
)
RESOURCES = st.one_of(st.none(), st.builds(Resource, attributes=ATTRIBUTES, dropped_attributes_count=UNSIGNED_32))
SCOPES = st.one_of(st.none(), st.builds(InstrumentationScope, name=TEXT, version=TEXT, attributes=ATTRIBUTES))


def read_back(line: bytes) -> LogsData:
    document = orjson.loads(line)
    for record in document["resourceLogs"][0]["scopeLogs"][0]["logRecords"]:
        for name in {"traceId", "spanId"} & record.keys():
            record[name] = base64.b64encode(bytes.fromhex(record[name])).decode()
    return ParseDict(document, LogsData())


@settings(max_examples=60, deadline=None)
@given(resource=RESOURCES, scope=SCOPES, schema_urls=st.tuples(TEXT, TEXT), records=st.lists(RECORDS, max_size=2))
def test_a_line_is_the_record_with_its_resource_and_scope(
    resource: Resource | None,
    scope: InstrumentationScope | None,
    schema_urls: tuple[str, str],
    records: list[LogRecord],
) -> None:
    def logs(some: list[LogRecord]) -> list[ResourceLogs]:
        of_scope = ScopeLogs(scope=scope, schema_url=schema_urls[1], log_records=some)
        return [ResourceLogs(resource=resource, schema_url=schema_urls[0], scope_logs=[of_scope])]

    lines = [to_line(each) for each in split(ExportLogsServiceRequest(resource_logs=logs(records)))]
    sent = [LogsData(resource_logs=logs([record])) for record in records]
    assert [read_back(line).SerializeToString() for line in lines] == [each.SerializeToString() for each in sent]
    assert all(line.count(b"\n") == 1 for line in lines)
