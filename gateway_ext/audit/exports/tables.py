"""Records as rows: which columns there are, and how a row stands in a file of CSV or JSON lines. Pure.

The bytes of a file follow from its records alone, so that whoever has the records can tell whether the table is theirs.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from gateway_ext.audit import semconv
from gateway_ext.audit.encoding import Event
from gateway_ext.limits import NANO

TIME, EVENT, LOG, LEAF = "time", "event.name", "log", "leaf"

# Spreadsheets take a cell that begins with one of the first for a formula, and run it (OWASP, CSV Injection); the last two
# say that a cell is written otherwise than it is.
_WRITTEN_OTHERWISE = ("=", "+", "-", "@", "＝", "＋", "－", "＠", "'", '"')

_json = json.JSONEncoder(separators=(",", ":")).encode


class Format(StrEnum):
    CSV = "csv"
    JSON_LINES = "jsonl"
    PARQUET = "parquet"

    @property
    def file_name(self) -> str:
        return f"records.{self.value}"


def columns() -> tuple[str, ...]:
    """Of every table: where the record stands, who wrote it, then its attributes as over OTLP (docs/audit.md)."""
    where = (TIME, EVENT, LOG, LEAF, "service.instance.id", semconv.PROCESS)
    return (*where, *semconv.attribute_names())


def values(log: str, leaf: int, event: Event) -> dict[str, Any]:
    """A record's row by column. A column that it has nothing to say in is left out."""
    resource = semconv.resource(event)
    return {
        TIME: time_text(event.time_unix_nano),
        EVENT: event.name,
        LOG: log,
        LEAF: leaf,
        "service.instance.id": resource["service.instance.id"],
        semconv.PROCESS: resource[semconv.PROCESS],
        **semconv.attributes(event),
    }


def time_text(unix_nano: int) -> str:
    """RFC 3339, UTC, with nanoseconds."""
    seconds, nano = divmod(unix_nano, NANO)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{nano:09}Z"


def header(form: Format, names: Collection[str]) -> bytes:
    """What the file begins with."""
    return _csv_line(names) if form is Format.CSV else b""


def row(form: Format, names: Collection[str], of: Mapping[str, Any]) -> bytes:
    """A row with these columns (a dict is the fastest), as a line. A format that is no text is made of JSON lines (parquet.py)."""
    if form is Format.CSV:
        return _csv_line([harmless(text(of.get(name))) for name in names])
    there = {name: value for name, value in of.items() if name in names}
    return _json(there).encode() + b"\n"


def text(value: Any) -> str:
    """A value as text: what is nested as JSON, nothing as nothing."""
    if value is None:
        return ""
    return value if isinstance(value, str) else _json(value)


def harmless(cell: str) -> str:
    """Neither a formula in a spreadsheet nor a command to a terminal. `original` takes it back."""
    if not cell.isprintable():
        return json.dumps(cell)
    return f"'{cell}" if cell.startswith(_WRITTEN_OTHERWISE) else cell


def original(cell: str) -> str:
    """What `harmless` was given."""
    return json.loads(cell) if cell.startswith('"') else cell.removeprefix("'")


def _csv_line(cells: Collection[str]) -> bytes:
    """RFC 4180, UTF-8."""
    line = io.StringIO()
    csv.writer(line, lineterminator="\r\n").writerow(cells)
    return line.getvalue().encode()
