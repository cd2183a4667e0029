"""`gateway-ext budget export`: every charge, for tools that read FOCUS."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from gateway_ext.administration.acts import record_act
from gateway_ext.audit.events import EventName
from gateway_ext.budget.reports import focus
from gateway_ext.budget.reports.usage import Charged
from gateway_ext.cli import budget_usage
from gateway_ext.cli.focus_files import write_rows
from gateway_ext.cli.pseudonyms import Pseudonyms
from gateway_ext.clock import SystemClock
from gateway_ext.settings import load_settings

_NOW_UNIX_NANO = SystemClock().now_unix_nano


def register(commands: Any) -> None:
    """Add the command to those of `budget`."""
    export = commands.add_parser(
        "export",
        help="write every charge to a file",
        description=f"Writes a row for each charge of each request, as FOCUS {focus.VERSION} (FinOps Open Cost and Usage"
        " Specification). The file is readable for its owner alone: it names people unless --pseudonyms is given.",
    )
    export.add_argument("--format", choices=["focus"], default="focus", help="the columns (focus)")
    export.add_argument("--out", type=Path, required=True, metavar="FILE", help="FILE.csv or FILE.parquet")
    export.add_argument("--organisation", default="organisation", metavar="NAME", help="whose account is billed")
    export.add_argument("--pseudonyms", action="store_true", help="users and credentials by keyed fingerprints")
    budget_usage.add_arguments(export)
    export.set_defaults(run=run)


def run(options: argparse.Namespace, now_unix_nano: Callable[[], int] = _NOW_UNIX_NANO) -> int:
    """Write the file. Raises ConfigurationError; then there is none, or the one there was before."""
    asked = budget_usage.asked(options, now_unix_nano())
    settings = load_settings(options.settings, state_dir=options.state)
    hidden = Pseudonyms(settings) if options.pseudonyms else None
    how = "by pseudonym" if hidden is not None else "by name"
    record_act(settings, EventName.CHARGES_EXPORTED, "charges", options.out.name, f"{asked.period.name}, people {how}")
    with budget_usage.reading(options, "Exporting") as (ledger, advance):
        requests: Iterable[Charged] = ledger.charged(asked.query(), advance)
        if hidden is not None:
            requests = (_hidden(each, hidden) for each in requests)
        written = write_rows(options.out, _rows(requests, options.organisation))
    print(f"{options.out}: {written:,} rows of {asked.period.name} ({asked.timezone}), FOCUS {focus.VERSION}")
    return 0


def _rows(requests: Iterable[Charged], organisation: str) -> Iterator[focus.Row]:
    for each in requests:
        yield from focus.rows(each, organisation)


def _hidden(request: Charged, hidden: Pseudonyms) -> Charged:
    payer = request.payer
    return replace(
        request,
        payer=replace(payer, subject=hidden.of(payer.subject), credential_id=hidden.of(payer.credential_id)),
    )
