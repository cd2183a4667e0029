"""Records as rows: which columns there are, and how a row stands in a file of CSV or JSON lines. Pure.

The bytes of a file follow from its records alone, so that whoever has the records can tell whether the table is theirs.
"""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Collection, Iterable, Mapping
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

import orjson

from gateway_ext.audit import semconv
from gateway_ext.audit.encoding import Event
from gateway_ext.limits import NANO

TIME, EVENT, LOG, LEAF = "time", "event.name", "log", "leaf"

# Spreadsheets take a cell that begins with one of the first for a formula, and run it (OWASP, CSV Injection); the last two
# say that a cell is written otherwise than it is.
_WRITTEN_OTHERWISE = ("=", "+", "-", "@", "＝", "＋", "－", "＠", "'", '"')

_NOT_ASCII = re.compile(r"[^\x00-\x7f]+")


class _Line:
    """What csv.writer writes to: it hands back what this returns."""

    def write(self, line: str) -> str:
        return line


_written = csv.writer(_Line(), lineterminator="\r\n").writerow


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
    return f"{datetime.fromtimestamp(seconds, UTC).replace(tzinfo=None).isoformat()}.{nano:09}Z"


def header(form: Format, names: Collection[str]) -> bytes:
    """What the file begins with."""
    return _csv_line(names) if form is Format.CSV else b""


def row(form: Format, names: Collection[str], of: Mapping[str, Any]) -> bytes:
    """A row with these columns (a dict is the fastest), as a line. A format that is no text is made of JSON lines (parquet.py)."""
    if form is Format.CSV:
        cells = {name: harmless(text(value)) for name, value in of.items()}
        return _csv_line(map(cells.get, names))
    return _json({name: value for name, value in of.items() if name in names}) + b"\n"


def text(value: Any) -> str:
    """A value as text: what is nested as JSON."""
    if isinstance(value, str):
        return value
    return str(value) if type(value) is int else _json(value).decode()


def harmless(cell: str) -> str:
    """Neither a formula in a spreadsheet nor a command to a terminal. `original` takes it back."""
    if not cell.isprintable():
        return json.dumps(cell)
    return f"'{cell}" if cell.startswith(_WRITTEN_OTHERWISE) else cell


def original(cell: str) -> str:
    """What `harmless` was given."""
    return json.loads(cell) if cell.startswith('"') else cell.removeprefix("'")


def _csv_line(cells: Iterable[str | None]) -> bytes:
    """RFC 4180, UTF-8; None is an empty cell."""
    line: str = _written(cells)
    return line.encode()


def _json(value: Any) -> bytes:
    """In ASCII: an escape is no command to a terminal, nor does it turn what stands beside it."""
    said = orjson.dumps(value)
    return said if said.isascii() else _NOT_ASCII.sub(_escaped, said.decode()).encode()


def _escaped(found: re.Match[str]) -> str:
    return json.dumps(found[0])[1:-1]
