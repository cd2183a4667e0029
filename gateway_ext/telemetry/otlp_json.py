"""A log record in OTLP/JSON: protobuf's JSON mapping, but with enumerations as numbers and trace ids in hexadecimal.

Written out for what a log record mostly consists of: protobuf's own mapping asks each field anew what it is, and takes four
times as long. What is rare is left to it.
"""

from __future__ import annotations

from collections.abc import Iterable
from math import isfinite
from typing import Any

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.json_format import MessageToDict
from google.protobuf.message import Message
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord

_IN_HEXADECIMAL = frozenset({"trace_id", "span_id"})
_AS_TEXT = frozenset({FieldDescriptor.CPPTYPE_INT64, FieldDescriptor.CPPTYPE_UINT64})  # what JavaScript cannot count


def shown(message: Message) -> dict[str, Any]:
    """Any message of OTLP's by protobuf's mapping, but for trace ids."""
    return MessageToDict(message, use_integers_for_enums=True)


def shown_record(record: LogRecord) -> dict[str, Any]:
    """As `shown`, and trace ids as OTLP has them."""
    fields: dict[str, Any] = {}
    for field, value in record.ListFields():
        if field.name == "attributes":
            fields[field.json_name] = _shown_pairs(value)
        elif field.name == "body":
            fields[field.json_name] = _shown_value(value)
        elif field.name in _IN_HEXADECIMAL:
            fields[field.json_name] = value.hex()
        else:
            fields[field.json_name] = str(value) if field.cpp_type in _AS_TEXT else value
    return fields


def _shown_pairs(pairs: Iterable[KeyValue]) -> list[dict[str, Any]]:
    return [{"key": pair.key, "value": _shown_value(pair.value)} for pair in pairs]


def _shown_value(value: AnyValue) -> dict[str, Any]:
    match value.WhichOneof("value"):
        case "string_value":
            return {"stringValue": value.string_value}
        case "int_value":
            return {"intValue": str(value.int_value)}
        case "bool_value":
            return {"boolValue": value.bool_value}
        case "double_value" if isfinite(value.double_value):
            return {"doubleValue": value.double_value}
        case "array_value":
            return {"arrayValue": {"values": [_shown_value(each) for each in value.array_value.values]}}
        case "kvlist_value":
            return {"kvlistValue": {"values": _shown_pairs(value.kvlist_value.values)}}
        case _:
            return shown(value)
