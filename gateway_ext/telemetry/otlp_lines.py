"""Reads back what the OTLP file sink, or OpenTelemetry's file exporter, has written: lines of OTLP/JSON logs."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

_BLOCK_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class LogLine:
    """One log record. Attributes as plain values: str, int, float, bool, list, dict."""

    time_unix_nano: int
    event_name: str
    resource: Mapping[str, Any]
    attributes: Mapping[str, Any]


def last_log_lines(path: Path, count: int) -> list[LogLine]:
    """The log records of the last `count` lines, oldest first. A torn line is left out. Raises OSError."""
    return [record for line in _last_lines(path, count) for record in log_records(line)]


def log_records(line: bytes) -> Sequence[LogLine]:
    """The log records of one line; none when it is torn or no OTLP."""
    try:
        return tuple(_records(orjson.loads(line)))
    except (ValueError, KeyError, TypeError, AttributeError):
        return ()


def _last_lines(path: Path, count: int) -> Sequence[bytes]:
    with path.open("rb") as file:
        position = file.seek(0, os.SEEK_END)
        data = b""
        while position > 0 and data.count(b"\n") <= count:
            start = max(0, position - _BLOCK_BYTES)
            file.seek(start)
            data = file.read(position - start) + data
            position = start
    return data.splitlines()[-count:] if count else ()


def _records(document: Mapping[str, Any]) -> Iterator[LogLine]:
    for of_resource in document["resourceLogs"]:
        resource = _attributes(of_resource.get("resource", {}))
        for of_scope in of_resource["scopeLogs"]:
            for log_record in of_scope["logRecords"]:
                yield LogLine(
                    time_unix_nano=int(log_record.get("timeUnixNano", 0)),
                    event_name=log_record.get("eventName", ""),
                    resource=resource,
                    attributes=_attributes(log_record),
                )


def _attributes(owner: Mapping[str, Any]) -> dict[str, Any]:
    return {item["key"]: _value(item.get("value", {})) for item in owner.get("attributes", ())}


def _value(value: Mapping[str, Any]) -> Any:
    """OTLP's AnyValue in JSON: an object with one member that names the type; 64-bit integers are strings."""
    for kind, content in value.items():
        match kind:
            case "intValue":
                return int(content)
            case "arrayValue":
                return [_value(item) for item in content.get("values", ())]
            case "kvlistValue":
                return {item["key"]: _value(item.get("value", {})) for item in content.get("values", ())}
            case _:
                return content
    return None
