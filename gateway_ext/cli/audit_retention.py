"""`gateway-ext audit retention`: what of the archive is due, what is held, and when the next records are due; erases it."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

from gateway_ext.administration.actor import Actor
from gateway_ext.administration.legal_holds import time_said
from gateway_ext.administration.retention import erase_due, eraser, exchange_seconds
from gateway_ext.audit.retention.archived import Segment
from gateway_ext.audit.retention.eraser import Found
from gateway_ext.audit.retention.units import first_due_unix_nano
from gateway_ext.audit.rules import RetentionRules
from gateway_ext.cli.table import table
from gateway_ext.errors import ConfigurationError
from gateway_ext.settings import load_settings

COLUMNS = ("LOG", "OLDEST", "NEXT NOT BEFORE", "SEGMENTS", "DUE", "HELD")


@dataclass(frozen=True, slots=True)
class Row:
    """One log. `--json` prints these names. `due` records are to be erased, `held` ones are not looked at further.

    `next_unix_nano`: no other record is due before; 0: there is none in the archive.
    """

    log: str
    segments: int
    due: int
    held: int
    oldest_unix_nano: int
    next_unix_nano: int


def add_retention(commands: Any) -> None:
    command = commands.add_parser(
        "retention",
        help="erase records whose time is over",
        description="Erases now what the control process would erase within the hour: records of the archive whose retention "
        "(audit.yaml) is over and that no legal hold covers. --dry-run only says what that is.",
    )
    command.add_argument("--dry-run", action="store_true", help="erase nothing; exit code 0")
    command.add_argument("--json", action="store_true", help="print JSON")
    command.add_argument("--settings", type=Path, metavar="FILE", help="process settings (YAML)")
    command.add_argument("--state", type=Path, metavar="DIR", help="state directory, instead of the settings'")
    command.add_argument("--policies", type=Path, metavar="DIR", help="policy directory")
    command.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Say what is due, and erase it. Raises ConfigurationError saying why nothing is."""
    from gateway_ext.policy.loader import load_policy  # noqa: PLC0415  (slow, and not needed for the other commands)

    settings = load_settings(options.settings, state_dir=options.state, policies_dir=options.policies)
    if not settings.layout.archive.is_dir():
        raise ConfigurationError(f"{settings.layout.archive}: there is no archive yet; give --state")
    snapshot = load_policy(settings.policies_dir)
    at_work, rules = eraser(settings, Actor()), snapshot.audit.retention
    try:
        found = at_work.look(rules, exchange_seconds(snapshot))
        rows = list(_rows(at_work.segments(), found, rules))
    except OSError as error:
        raise ConfigurationError(f"retention: {error.filename} cannot be read ({error.strerror})") from error
    erased = 0 if options.dry_run else erase_due(at_work, snapshot)
    if options.json:
        print(json.dumps({"erased": erased, "logs": [asdict(row) for row in rows]}, indent=2))
    else:
        print(table(COLUMNS, list(map(_cells, rows)), numbers=3) if rows else "There are no records in the archive.")
        if not options.dry_run:
            print(f"{erased} records are erased.")
    return 0


def _rows(segments: Iterable[Segment], found: Iterable[Found], rules: RetentionRules) -> Iterator[Row]:
    looked_at = {each.segment.path: each.judgement for each in found}
    for log, of_log in groupby((each for each in segments if each.is_archived), key=lambda each: each.log):
        archived = list(of_log)
        judgements = [looked_at[each.path] for each in archived if each.path in looked_at]
        coming = [each.next_due_unix_nano for each in judgements if each.next_due_unix_nano and not each.waiting]
        coming += [first_due_unix_nano(each.begins_unix_nano, rules) for each in archived if each.path not in looked_at]
        yield Row(
            log=log,
            segments=len(archived),
            due=sum(len(each.erase) + each.waiting for each in judgements),
            held=sum(each.held for each in judgements),
            oldest_unix_nano=min(each.begins_unix_nano for each in archived),
            next_unix_nano=min(coming, default=0),
        )


def _cells(row: Row) -> tuple[str, ...]:
    counts = (str(row.segments), str(row.due), str(row.held))
    times = (time_said(nano) if nano else "" for nano in (row.oldest_unix_nano, row.next_unix_nano))
    return (row.log, *times, *counts)
