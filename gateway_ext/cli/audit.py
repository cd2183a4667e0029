"""`gateway-ext audit`: the last records of the trail, how far each process has been shipped, and proofs."""

from __future__ import annotations

import argparse
import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from gateway_ext.administration.acts import record_act
from gateway_ext.audit import semconv
from gateway_ext.audit.cursor import Cursor, load_cursors, unshipped_bytes
from gateway_ext.audit.events import EventName
from gateway_ext.audit.reading import count_records, last_events
from gateway_ext.audit.segments import process_directories, segment_sizes
from gateway_ext.cli.audit_checkpoint import add_checkpoint
from gateway_ext.cli.audit_export import add_export
from gateway_ext.cli.audit_hold import add_hold
from gateway_ext.cli.audit_index import add_index
from gateway_ext.cli.audit_prove import add_prove
from gateway_ext.cli.audit_retention import add_retention
from gateway_ext.cli.audit_search import add_search
from gateway_ext.cli.audit_show import add_show
from gateway_ext.cli.audit_verify import add_verify
from gateway_ext.errors import ConfigurationError
from gateway_ext.limits import NANO
from gateway_ext.settings import load_settings
from gateway_ext.telemetry.otlp_lines import last_log_lines

TAIL_COLUMNS = ("TIME", "EVENT", "EXCHANGE", "WHO", "MODEL", "RESULT", "DETAIL")
STATUS_COLUMNS = ("PROCESS", "OUTPUT", "WRITTEN", "ACKNOWLEDGED", "LAG BYTES", "DISK BYTES", "LOST", "DAMAGED BYTES")


@dataclass(frozen=True, slots=True)
class Entry:
    """One record. `attributes` are named as over OTLP. `--json` prints these names."""

    time_unix_nano: int
    name: str
    process: str
    attributes: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class ProcessStatus:
    """How far one process directory has got to one output, of which there is none ("") before the control process has seen it.

    `written` is of the directory, as the output that counts for longest knows it; `lost` counts records missing by their
    sequence.
    """

    process: str
    output: str
    written: int
    acknowledged: int
    lag_bytes: int
    disk_bytes: int
    lost: int
    damaged_bytes: int


def register(subparsers: Any) -> None:
    """Add the command to argparse's subparsers."""
    audit = subparsers.add_parser("audit", help="show, prove and verify the audit trail")
    commands = audit.add_subparsers(title="commands", metavar="COMMAND", required=True)
    tail = commands.add_parser("tail", help="show the last records of all processes")
    tail.add_argument("-n", type=_count, default=20, metavar="N", dest="count", help="how many (default: 20)")
    tail.add_argument("--sink", type=Path, metavar="FILE", help="read a file of the OTLP sink instead of the spool")
    tail.set_defaults(run=run_tail)
    status = commands.add_parser("status", help="show per process what was written, and what each output has of it")
    status.set_defaults(run=run_status)
    for command in (tail, status):
        command.add_argument("--settings", type=Path, metavar="FILE", help="process settings (YAML)")
        command.add_argument("--state", type=Path, metavar="DIR", help="where the spool lies")
        command.add_argument("--json", action="store_true", help="print JSON")
    add_search(commands)
    add_show(commands)
    add_index(commands)
    add_checkpoint(commands)
    add_prove(commands)
    add_verify(commands)
    add_export(commands)
    add_hold(commands)
    add_retention(commands)


def run_tail(options: argparse.Namespace) -> int:
    """Print the last records, oldest first. Raises ConfigurationError when they cannot be read, or that not be recorded."""
    try:
        if options.sink is not None:
            entries = _from_sink(options.sink, options.count)
        else:
            entries = _from_spool(_spool(options), _archive(options), options.count)
    except OSError as error:
        raise ConfigurationError(f"audit: {error.filename} cannot be read ({error.strerror})") from error
    if options.sink is None and entries:
        settings = load_settings(options.settings, state_dir=options.state)
        record_act(settings, EventName.AUDIT_SEARCHED, "records", "", f"audit tail: the last {len(entries)}")
    if options.json:
        for entry in entries:
            print(json.dumps(asdict(entry)))
    else:
        print(_table(TAIL_COLUMNS, map(_tail_cells, entries)) if entries else "No records yet.")
    return 0


def run_status(options: argparse.Namespace) -> int:
    """Print how far each process is. Exit code 1 when records were lost. Raises ConfigurationError."""
    try:
        rows = [row for directory in process_directories(_spool(options)) for row in _statuses(directory)]
    except OSError as error:
        raise ConfigurationError(f"audit: {error.filename} cannot be read ({error.strerror})") from error
    if options.json:
        print(json.dumps([asdict(row) for row in rows], indent=2))
    else:
        cells = ([str(value) or "-" for value in asdict(row).values()] for row in rows)
        print(_table(STATUS_COLUMNS, cells) if rows else "No process has written yet.")
    return 1 if any(row.lost or row.damaged_bytes for row in rows) else 0


def _spool(options: argparse.Namespace) -> Path:
    spool = load_settings(options.settings, state_dir=options.state).layout.spool
    if not spool.is_dir():
        raise ConfigurationError(f"{spool}: there is no spool; give --state, or start the gateway to create it")
    return spool


def _archive(options: argparse.Namespace) -> Path:
    return load_settings(options.settings, state_dir=options.state).layout.archive


def _from_spool(spool: Path, archive: Path, count: int) -> list[Entry]:
    entries = [
        Entry(event.time_unix_nano, event.name, event.processor, semconv.attributes(event))
        for directory in process_directories(spool)
        for event in last_events(directory, count, archive / directory.name)
    ]
    return sorted(entries, key=lambda entry: entry.time_unix_nano)[-count:]


def _from_sink(path: Path, count: int) -> list[Entry]:
    """Without the duplicates that sending again after an outage makes."""
    entries = {
        line.attributes.get(semconv.RECORD_ID): Entry(
            line.time_unix_nano, line.event_name, line.resource.get(semconv.PROCESS, ""), line.attributes
        )
        for line in last_log_lines(path, count)
    }
    return list(entries.values())


def _statuses(directory: Path) -> list[ProcessStatus]:
    cursors = load_cursors(directory) or {"": Cursor()}
    written = max(cursor.records + count_records(directory, cursor) for cursor in cursors.values())
    disk_bytes = sum(segment_sizes(directory).values())
    return [
        ProcessStatus(
            process=directory.name,
            output=output,
            written=written,
            acknowledged=cursor.records,
            lag_bytes=unshipped_bytes(directory, cursor),
            disk_bytes=disk_bytes,
            lost=cursor.lost_records,
            damaged_bytes=cursor.damaged_bytes,
        )
        for output, cursor in cursors.items()
    ]


def _tail_cells(entry: Entry) -> tuple[str, ...]:
    of = entry.attributes.get
    time = datetime.fromtimestamp(entry.time_unix_nano / 1e9, UTC).isoformat(sep=" ", timespec="milliseconds")
    result: tuple[Any, ...] = (of(semconv.HTTP_STATUS), of(semconv.REASON), of(semconv.CLUSTER))
    if of(semconv.ACTION) == "forward":
        result = ("to", *of(semconv.CANDIDATES, [])[:1])
    if semconv.ORDER_SCOPE in entry.attributes:
        result = (of(semconv.ORDER_SCOPE), of(semconv.ORDER_VALUE))
    if semconv.ALERT_BUDGET in entry.attributes:
        result = (of(semconv.ALERT_BUDGET), of(semconv.ALERT_VALUE), f"{of(semconv.ALERT_PERCENT)} %")
    if semconv.AGREEMENT in entry.attributes:
        result = (of(semconv.PARTY), of(semconv.AGREEMENT))
    return (
        time.removesuffix("+00:00") + "Z",
        entry.name,
        str(of(semconv.EXCHANGE_ID, ""))[:8],
        str(of(semconv.SUBJECT) or of(semconv.ORDER_ACTOR) or of(semconv.CONSENT_ACTOR) or ""),
        str(of(semconv.REQUEST_MODEL) or of(semconv.RESPONSE_MODEL) or ""),
        " ".join(str(part) for part in result if part),
        ", ".join(_details(entry.attributes)),
    )


def _details(attributes: Mapping[str, Any]) -> Iterable[str]:
    found = Counter(finding.get("data_class", "") for finding in attributes.get(semconv.FINDINGS, []))
    yield from (f"{number} {data_class}" for data_class, number in sorted(found.items()))
    if semconv.INPUT_TOKENS in attributes:
        yield f"{attributes[semconv.INPUT_TOKENS]}+{attributes[semconv.OUTPUT_TOKENS]} tokens"
    if cost_nano := attributes.get(semconv.COST_NANO):
        yield f"{Decimal(cost_nano) / NANO:.6f} {attributes.get(semconv.CURRENCY, '')}"
    if granted_nano := attributes.get(semconv.ORDER_AMOUNT_NANO):
        yield f"{Decimal(granted_nano) / NANO:f} {attributes.get(semconv.CURRENCY, '')}"
    if (posted_nano := attributes.get(semconv.ALERT_POSTED_NANO)) is not None:
        limit_nano = attributes.get(semconv.ALERT_LIMIT_NANO, 0)
        currency = attributes.get(semconv.CURRENCY, "")
        yield f"{Decimal(posted_nano) / NANO:f} of {Decimal(limit_nano) / NANO:f} {currency} posted"
    yield from attributes.get(semconv.FLAGS, [])
    if reason := attributes.get(semconv.ORDER_REASON) or attributes.get(semconv.CONSENT_REASON):
        yield str(reason)


def _table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    cells = [columns, *([_printable(cell) for cell in row] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in cells
    )


def _printable(text: str) -> str:
    """Subjects come from tokens: a control character in one must not reach the terminal."""
    return "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in text)


def _count(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("must be 1 or more")
    return number
