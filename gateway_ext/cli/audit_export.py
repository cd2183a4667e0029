"""`gateway-ext audit export`: records as a table, signed, with all that a third party needs to check them."""

from __future__ import annotations

import argparse
import os
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from gateway_ext.administration.actor import Actor
from gateway_ext.administration.acts import record_act
from gateway_ext.administration.searching import export_recorded
from gateway_ext.audit.archive import log_segments
from gateway_ext.audit.encoding import Event
from gateway_ext.audit.events import EventName
from gateway_ext.audit.exports import parquet
from gateway_ext.audit.exports.manifest import (
    MANIFEST,
    NOTE,
    FileDigest,
    LogPart,
    Manifest,
    sign_manifest,
    write_manifest,
)
from gateway_ext.audit.exports.tables import Format, columns, header, row, time_text, values
from gateway_ext.audit.exports.writing import OutFile, digest_of, write_log
from gateway_ext.audit.filters import Filter
from gateway_ext.audit.index.entry import Field
from gateway_ext.audit.proving import ProvableLog
from gateway_ext.audit.signed_note import NoteSigner
from gateway_ext.checkpoints import note_signer
from gateway_ext.cli.audit_logs import add_state_arguments, log_names, log_of
from gateway_ext.cli.audit_search import add_filter_arguments, filter_of
from gateway_ext.cli.orders import settings_of
from gateway_ext.cli.progress import Progress
from gateway_ext.clock import SystemClock
from gateway_ext.errors import ConfigurationError
from gateway_ext.private_files import PRIVATE, write_whole
from gateway_ext.settings import Settings

# No record by itself tells of both: decisions have the ones, outcomes the others.
_ASKED = frozenset(
    {Field.SUBJECT, Field.TEAM, Field.PROJECT, Field.APPLICATION, Field.MODEL, Field.POLICY, Field.SCOPE, Field.VALUE}
    | {Field.ACTION, Field.CLASS}
)
_ENDED = frozenset({Field.SERVED_MODEL, Field.PROVIDER, Field.JURISDICTION, Field.STATUS, Field.CURRENCY, Field.FLAG})


def add_export(commands: Any) -> None:
    command = commands.add_parser(
        "export",
        help="write records as a table, signed",
        description="Writes a new directory: the table, of each log the exact records with the hashes of all others, checkpoints, "
        "and a signed manifest. 'gateway-ext audit verify DIRECTORY --key FILE' checks it, anywhere. The conditions are asked of "
        "each record by itself.",
    )
    command.add_argument("directory", type=Path, metavar="DIRECTORY", help="a new one, for its owner alone")
    command.add_argument("--format", type=Format, choices=list(Format), default=Format.CSV, help="(default: csv)")
    command.add_argument(
        "--purpose", required=True, metavar="TEXT", help="one line, for the audit trail: what it is for"
    )
    command.add_argument("--actor", metavar="NAME", help="who exports (default: the user of this machine)")
    add_filter_arguments(command)
    add_state_arguments(command)
    command.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Write the directory. Raises ConfigurationError; what was written until then has no manifest, and is not believed."""
    wanted = filter_of(options)
    _require_askable(wanted)
    settings = settings_of(options)
    directory: Path = options.directory
    if directory.exists():
        raise ConfigurationError(f"{directory}: exists already; an export makes a new directory")
    actor = Actor(options.actor) if options.actor else Actor()
    try:
        logs = _logs(options, settings)
        signer = _signer(settings, logs)
        if options.format is Format.PARQUET:
            parquet.database().close()  # what is not installed is told before anything is done
        searched = export_recorded(settings, wanted, directory.name, options.purpose, actor)
        directory.mkdir(mode=0o700, parents=False)
        parts, files = _written(directory, options.format, searched, logs)
        records = sum(part.matching for part in parts)
        record_act(
            settings,
            EventName.AUDIT_EXPORTED,
            "records",
            directory.name,
            f"{options.purpose}: {records} records",
            actor,
        )
        now = time_text(SystemClock().now_unix_nano())
        manifest = Manifest(version("gateway-ext"), now, options.format, columns(), searched, tuple(parts), files)
        content = write_manifest(manifest)
        note = sign_manifest(content, logs[0].checkpoint.origin, signer)
        write_whole(directory / MANIFEST, content, PRIVATE)
        write_whole(directory / NOTE, str(note).encode(), PRIVATE)
    except OSError as error:
        raise ConfigurationError(f"audit: {error.filename} cannot be read or written ({error.strerror})") from error
    print(f"{directory}: {records:,} records of {len(parts)} logs, signed as '{logs[0].checkpoint.origin}'")
    return 0


def _written(
    directory: Path, form: Format, wanted: Filter, logs: Sequence[ProvableLog]
) -> tuple[list[LogPart], Mapping[str, FileDigest]]:
    names = dict.fromkeys(columns())
    is_parquet = form is Format.PARQUET
    lines = directory / ("records.part" if is_parquet else form.file_name)
    parts: list[LogPart] = []
    files: dict[str, FileDigest] = {}
    leaves = sum(log.checkpoint.size for log in logs)
    with OutFile(lines) as table, Progress("exporting", leaves) as progress:
        table.write(header(form, names))

        def add(log: str, leaf: int, event: Event) -> None:
            of = values(log, leaf, event)
            table.write(row(form, names, parquet.flat(names, of) if is_parquet else of))

        for log in logs:
            part, written = write_log(directory, log, wanted, add, progress.advance)
            parts.append(part)
            files |= written
        files[form.file_name] = table.finish()
    if is_parquet:
        files[form.file_name] = _as_parquet(lines, directory / form.file_name, tuple(names))
    return parts, files


def _as_parquet(lines: Path, target: Path, names: Sequence[str]) -> FileDigest:
    parquet.convert(lines, target, names)
    lines.unlink()
    target.chmod(PRIVATE)
    with target.open("rb") as file:
        os.fsync(file.fileno())
    return digest_of(target)


def _logs(options: argparse.Namespace, settings: Settings) -> list[ProvableLog]:
    """All that have records. One that cannot be used ends the export: it would be missing unseen. Raises ConfigurationError."""
    layout = settings.layout
    logs = [
        log_of(options, name)
        for name in log_names(options)
        if any(path.stat().st_size for path in log_segments(layout.spool / name, layout.archive / name).values())
    ]
    if not logs:
        raise ConfigurationError("audit export: there are no records yet")
    return logs


def _signer(settings: Settings, logs: Sequence[ProvableLog]) -> NoteSigner:
    """Who signs checkpoints: by that key, which recipients have, exports are signed too. Raises ConfigurationError."""
    signer = note_signer(settings)
    known = {key.public_key for key in logs[0].file.keys()}  # noqa: SIM118  (no mapping)
    if signer.public_key not in known:
        raise ConfigurationError(
            "audit export: the key of checkpoints is a new one, which has signed none yet; try again when the control process"
            " has used it, and give recipients what 'gateway-ext audit checkpoint --key' prints then"
        )
    return signer


def _require_askable(wanted: Filter) -> None:
    """Raises ConfigurationError for conditions that no record meets by itself."""
    is_of_cost = wanted.cost_nano_min is not None or wanted.cost_nano_max is not None
    is_mixed = wanted.where.keys() & _ASKED and (wanted.where.keys() & _ENDED or is_of_cost)
    if is_mixed or Field.TIER in wanted.where:
        raise ConfigurationError(
            "audit export: no record by itself tells who asked and how it ended, nor the tier; find the exchanges with"
            " 'gateway-ext audit search', and export them by --exchange"
        )
