"""`gateway-ext audit prove`: a proof, as a file, that a record is in the log, or that the log goes on from an older checkpoint."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from gateway_ext.administration.acts import record_act
from gateway_ext.audit.checkpoint import parse_checkpoint
from gateway_ext.audit.events import EventName
from gateway_ext.audit.proving import Found, ProvableLog
from gateway_ext.audit.signed_note import parse_note
from gateway_ext.audit.tlog_proof import write_consistency, write_inclusion
from gateway_ext.cli.audit_logs import add_state_arguments, log_of, read_bytes, signed_logs
from gateway_ext.errors import ConfigurationError
from gateway_ext.private_files import PRIVATE, PUBLIC, write_whole
from gateway_ext.settings import load_settings


def add_prove(commands: Any) -> None:
    command = commands.add_parser(
        "prove",
        help="write a proof that the trail holds a record",
        description="Writes LOG-INDEX.record, the record as it was signed, and LOG-INDEX.tlog-proof (c2sp.org/tlog-proof). With "
        "--since: LOG-OLD-NEW.consistency, the proof that the log goes on from that checkpoint (c2sp.org/tlog-witness).",
    )
    command.add_argument(
        "record", nargs="?", metavar="RECORD", help="gateway.record.id, or with --log the leaf, from 0"
    )
    command.add_argument("--log", metavar="LOG", help="only this log, named as its process")
    command.add_argument("--since", type=Path, metavar="CHECKPOINT", help="an older checkpoint of the log")
    command.add_argument("--out", type=Path, default=Path(), metavar="DIR", help="where to write (default: here)")
    add_state_arguments(command)
    command.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Write the files and print their names. Raises ConfigurationError when there is no such record, or no proof."""
    if (options.record is None) == (options.since is None):
        raise ConfigurationError("audit prove: give a record, or --since CHECKPOINT")
    try:
        for name, content, mode in _consistency(options) if options.since else _inclusion(options):
            write_whole(options.out / name, content, mode)
            print(options.out / name)
    except OSError as error:
        raise ConfigurationError(f"audit: {error.filename} cannot be read or written ({error.strerror})") from error
    return 0


def _inclusion(options: argparse.Namespace) -> list[tuple[str, bytes, int]]:
    log, found = _found(options)
    name = f"{log.name}-{found.index}"
    proof = write_inclusion(log.inclusion(found))
    settings = load_settings(options.settings, state_dir=options.state)
    record_act(settings, EventName.AUDIT_EXPORTED, "records", name, "audit prove: one record and its proof")
    return [(f"{name}.record", found.record, PRIVATE), (f"{name}.tlog-proof", proof, PUBLIC)]


def _found(options: argparse.Namespace) -> tuple[ProvableLog, Found]:
    if options.log and options.record.isascii() and options.record.isdecimal():
        log = log_of(options, options.log)
        return log, log.record_at(int(options.record))
    for log in [log_of(options, options.log)] if options.log else signed_logs(options):
        if found := log.find(options.record):
            return log, found
    raise ConfigurationError(
        "no record with this id is in spool and archive; it may have been erased. For a leaf by number give --log, too"
    )


def _consistency(options: argparse.Namespace) -> list[tuple[str, bytes, int]]:
    try:
        old = parse_checkpoint(parse_note(read_bytes(options.since)))
    except ValueError as error:
        raise ConfigurationError(f"{options.since}: {error}") from None
    log = log_of(options, options.log or old.origin.rpartition("/")[2])
    name = f"{log.name}-{old.size}-{log.checkpoint.size}.consistency"
    return [(name, write_consistency(log.consistency(old)), PUBLIC)]
