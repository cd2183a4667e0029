"""`gateway-ext audit checkpoint`: what of the trail is signed, by which key, and how far the operator's program was told."""

from __future__ import annotations

import argparse
import base64
import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from gateway_ext.audit.proving import ProvableLog
from gateway_ext.cli.audit_logs import add_state_arguments, log_of, signed_logs
from gateway_ext.cli.table import table
from gateway_ext.errors import ConfigurationError

COLUMNS = ("LOG", "ORIGIN", "RECORDS", "SIGNED", "PUBLISHED", "ROOT")


def add_checkpoint(commands: Any) -> None:
    command = commands.add_parser(
        "checkpoint",
        help="show the signed checkpoints of the trail",
        description="Without LOG a table of all; with LOG its last checkpoint, a signed note (c2sp.org/tlog-checkpoint).",
    )
    command.add_argument("log", nargs="?", metavar="LOG", help="one log, named as its process: processor-0, control, …")
    command.add_argument("--history", action="store_true", help="list all checkpoints that were signed, oldest first")
    command.add_argument("--key", action="store_true", help="print the public keys that have signed, one a line")
    command.add_argument("--json", action="store_true", help="print JSON")
    add_state_arguments(command)
    command.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Print. Raises ConfigurationError when there is nothing, or it cannot be read."""
    try:
        logs = [log_of(options, options.log)] if options.log else signed_logs(options)
        if options.key:
            print("\n".join(str(key) for log in logs for key in log.file.keys()))  # noqa: SIM118  (no mapping)
        elif options.history:
            _show_history(logs, as_json=options.json)
        elif options.json:
            print(json.dumps([_as_json(log) for log in logs], indent=2))
        elif options.log:
            print(logs[0].note, end="")
        else:
            print(table(COLUMNS, [_cells(log) for log in logs]))
    except OSError as error:
        raise ConfigurationError(f"audit: {error.filename} cannot be read ({error.strerror})") from error
    except ValueError as error:
        raise ConfigurationError(f"audit: {error}") from None
    return 0


def _show_history(logs: Sequence[ProvableLog], *, as_json: bool) -> None:
    """As JSON, each with its note: an older one is what `--since` takes."""
    signed = [(log.name, each) for log in logs for each in log.file.all()]
    if as_json:
        for name, each in signed:
            values = {"log": name, "size": each.size, "time_unix_nano": each.time_unix_nano}
            print(json.dumps(values | {"checkpoint": each.note.decode()}))
    else:
        rows = [(name, _time(each.time_unix_nano), str(each.size)) for name, each in signed]
        print(table(("LOG", "SIGNED", "RECORDS"), rows, numbers=1))


def _cells(log: ProvableLog) -> tuple[str, ...]:
    answer = log.file.latest_answer()
    return (
        log.name,
        log.checkpoint.origin,
        str(log.checkpoint.size),
        _time(log.signed.time_unix_nano),
        f"{answer.size} at {_time(answer.time_unix_nano)}" if answer else "",
        base64.b64encode(log.checkpoint.root).decode(),
    )


def _as_json(log: ProvableLog) -> dict[str, Any]:
    answer = log.file.latest_answer()
    return {
        "log": log.name,
        "origin": log.checkpoint.origin,
        "size": log.checkpoint.size,
        "root": base64.b64encode(log.checkpoint.root).decode(),
        "time_unix_nano": log.signed.time_unix_nano,
        "published": {
            "size": answer.size,
            "time_unix_nano": answer.time_unix_nano,
            "answer": base64.b64encode(answer.answer).decode(),
        }
        if answer
        else None,
        "keys": [str(key) for key in log.file.keys()],  # noqa: SIM118  (no mapping)
        "checkpoint": str(log.note),
    }


def _time(unix_nano: int) -> str:
    return (
        datetime.fromtimestamp(unix_nano / 1e9, UTC).isoformat(sep=" ", timespec="seconds").removesuffix("+00:00") + "Z"
    )
