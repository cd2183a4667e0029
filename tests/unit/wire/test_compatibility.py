"""Our subset of Envoy's APIs against Envoy's own definitions (envoy-data-plane), message by message, field by field."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from envoy_data_plane.envoy.config.core import v3 as core
from envoy_data_plane.envoy.data.accesslog import v3 as accesslog_data
from envoy_data_plane.envoy.extensions.filters.http.ext_proc import v3 as ext_proc_filter
from envoy_data_plane.envoy.service.accesslog import v3 as accesslog
from envoy_data_plane.envoy.service.ext_proc import v3 as ext_proc
from envoy_data_plane.envoy.type import v3 as envoy_type
from google.protobuf.descriptor import Descriptor, FieldDescriptor

from gateway_ext.wire import access_log_pb2, ext_proc_pb2

# Our message, by full name, → Envoy's.
COUNTERPARTS: dict[str, Any] = {
    name: getattr(ext_proc, name)
    for name in (
        "ProcessingRequest",
        "ProcessingResponse",
        "HttpHeaders",
        "HttpBody",
        "HttpTrailers",
        "HeadersResponse",
        "BodyResponse",
        "TrailersResponse",
        "CommonResponse",
        "ImmediateResponse",
        "HeaderMutation",
        "BodyMutation",
        "StreamedBodyResponse",
    )
} | {
    "HttpStatus": envoy_type.HttpStatus,
    "HeaderValueOption": core.HeaderValueOption,
    "HeaderMap": core.HeaderMap,
    "HeaderValue": core.HeaderValue,
    "Metadata": core.Metadata,
    "ProcessingMode": ext_proc_filter.ProcessingMode,
    "StreamAccessLogsMessage": accesslog.StreamAccessLogsMessage,
    "StreamAccessLogsResponse": accesslog.StreamAccessLogsResponse,
    "StreamAccessLogsMessage.Identifier": accesslog.StreamAccessLogsMessageIdentifier,
    "StreamAccessLogsMessage.HTTPAccessLogEntries": accesslog.StreamAccessLogsMessageHttpAccessLogEntries,
    "HTTPAccessLogEntry": accesslog_data.HttpAccessLogEntry,
    "Address": core.Address,
    "SocketAddress": core.SocketAddress,
    "AccessLogCommon": accesslog_data.AccessLogCommon,
    "ResponseFlags": accesslog_data.ResponseFlags,
    "HTTPRequestProperties": accesslog_data.HttpRequestProperties,
    "HTTPResponseProperties": accesslog_data.HttpResponseProperties,
}
ENUMS = {
    "CommonResponse.ResponseStatus": ext_proc.CommonResponseResponseStatus,
    "HeaderValueOption.HeaderAppendAction": core.HeaderValueOptionHeaderAppendAction,
    "ProcessingMode.HeaderSendMode": ext_proc_filter.ProcessingModeHeaderSendMode,
    "ProcessingMode.BodySendMode": ext_proc_filter.ProcessingModeBodySendMode,
}
# One varint on the wire either way: Envoy's enum numbers are the HTTP status codes.
ENUM_AS_INTEGER = {("HttpStatus", "code")}

PROTO_TYPES = {
    FieldDescriptor.TYPE_BOOL: "bool",
    FieldDescriptor.TYPE_BYTES: "bytes",
    FieldDescriptor.TYPE_DOUBLE: "double",
    FieldDescriptor.TYPE_ENUM: "enum",
    FieldDescriptor.TYPE_INT32: "int32",
    FieldDescriptor.TYPE_MESSAGE: "message",
    FieldDescriptor.TYPE_STRING: "string",
    FieldDescriptor.TYPE_UINT32: "uint32",
    FieldDescriptor.TYPE_UINT64: "uint64",
}


def messages() -> list[Descriptor]:
    found: list[Descriptor] = []
    waiting = [
        message
        for module in (ext_proc_pb2, access_log_pb2)
        for message in module.DESCRIPTOR.message_types_by_name.values()
    ]
    while waiting:
        message = waiting.pop()
        if not message.GetOptions().map_entry:
            found.append(message)
            waiting.extend(message.nested_types)
    return found


def local_name(full_name: str) -> str:
    return full_name.split(".v3.", 1)[1]


@pytest.mark.parametrize("ours", messages(), ids=lambda message: message.full_name)
def test_every_field_is_envoys_field(ours: Descriptor) -> None:
    name = local_name(ours.full_name)
    theirs = {field.name: field.metadata["betterproto"] for field in dataclasses.fields(COUNTERPARTS[name])}
    for field in ours.fields:
        assert field.name in theirs, f"Envoy's {name} has no field {field.name}"
        their = theirs[field.name]
        assert field.number == their.number
        is_map = field.message_type is not None and field.message_type.GetOptions().map_entry
        assert is_map == (their.proto_type == "map")
        if is_map:
            key, value = their.map_meta
            assert field.message_type is not None
            ours_key, ours_value = field.message_type.fields
            assert (PROTO_TYPES[ours_key.type], PROTO_TYPES[ours_value.type]) == (key.proto_type, value.proto_type)
            continue
        assert field.is_repeated == their.repeated
        expected = "int32" if (name, field.name) in ENUM_AS_INTEGER else their.proto_type
        assert PROTO_TYPES[field.type] == expected
        assert (field.containing_oneof.name if field.containing_oneof else None) == their.group


@pytest.mark.parametrize(("name", "theirs"), ENUMS.items(), ids=ENUMS.keys())
def test_every_enum_value_is_envoys_value(name: str, theirs: Any) -> None:
    message_name, enum_name = name.split(".")
    ours = ext_proc_pb2.DESCRIPTOR.message_types_by_name[message_name].enum_types_by_name[enum_name]
    for value in ours.values:
        assert theirs[value.name].value == value.number


@pytest.mark.parametrize(
    ("module", "service", "method"),
    [
        (ext_proc_pb2, "ExternalProcessor", "/envoy.service.ext_proc.v3.ExternalProcessor/Process"),
        (access_log_pb2, "AccessLogService", "/envoy.service.accesslog.v3.AccessLogService/StreamAccessLogs"),
    ],
)
def test_method_paths_are_envoys(module: Any, service: str, method: str) -> None:
    descriptor = module.DESCRIPTOR.services_by_name[service]
    assert f"/{descriptor.full_name}/{descriptor.methods[0].name}" == method


def test_bytes_of_envoys_definition_are_read_as_ours() -> None:
    theirs = ext_proc.ProcessingRequest(
        request_headers=ext_proc.HttpHeaders(
            headers=core.HeaderMap(headers=[core.HeaderValue(key=":path", raw_value=b"/v1/models")]),
            end_of_stream=True,
        )
    )
    ours = ext_proc_pb2.ProcessingRequest.FromString(bytes(theirs))
    assert ours.request_headers.headers.headers[0].raw_value == b"/v1/models"
    assert ours.request_headers.end_of_stream


def test_our_answer_is_read_by_envoys_definition() -> None:
    ours = ext_proc_pb2.ProcessingResponse(
        immediate_response=ext_proc_pb2.ImmediateResponse(status=ext_proc_pb2.HttpStatus(code=429), body=b"{}")
    )
    theirs = ext_proc.ProcessingResponse.parse(ours.SerializeToString())
    assert theirs.immediate_response is not None
    assert theirs.immediate_response.status is not None
    assert theirs.immediate_response.status.code == 429
    assert theirs.immediate_response.body == b"{}"
