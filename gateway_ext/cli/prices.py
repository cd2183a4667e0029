"""`gateway-ext prices`: what do deployments cost, is the price book in order, and what would another one change?"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from gateway_ext.budget.prices import DatedPrice, Schedule
from gateway_ext.cli import prices_diff
from gateway_ext.cli.prices_shown import begins, rates, units
from gateway_ext.cli.table import table
from gateway_ext.clock import SystemClock
from gateway_ext.errors import ConfigurationError
from gateway_ext.limits import NANO
from gateway_ext.policy.price_book import begins_unix_nano
from gateway_ext.policy.price_reading import PriceFiles, read_prices
from gateway_ext.policy.price_review import remarks
from gateway_ext.policy.problems import PolicyError, Problem, suggestion
from gateway_ext.settings import Settings

STALE_DAYS = 90
_POLICIES = Settings().policies_dir
_NOW_UNIX_NANO = SystemClock().now_unix_nano


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add `prices` with its own commands."""
    parser = subparsers.add_parser("prices", help="show, check and compare what deployments cost")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    check = commands.add_parser("check", help="print what is wrong or odd about the prices, with file:line:column")
    check.add_argument("path", nargs="?", type=Path, default=_POLICIES, help="policy directory, or a price book")
    check.add_argument("--stale-days", type=int, default=STALE_DAYS, metavar="N", help=f"older is odd ({STALE_DAYS})")
    check.add_argument("--strict", action="store_true", help="exit with 1 for what is odd, too")
    check.set_defaults(run=run_check)
    show = commands.add_parser("show", help="print what a model or a deployment costs on a day")
    show.add_argument("model", metavar="MODEL", help="a model of models.yaml, or provider/model")
    show.add_argument("--at", type=day, metavar="DATE", help="such as 2026-01-31 (today)")
    show.set_defaults(run=run_show)
    diff = commands.add_parser("diff", help="print what changes from one price book to another, in percent")
    prices_diff.add_arguments(diff)
    diff.add_argument("--at", type=day, metavar="DATE", help="compare what is in force on that day (today)")
    diff.set_defaults(run=prices_diff.run)
    for command in (check, show, diff):
        command.add_argument("--json", action="store_true", help="print JSON; amounts are decimal text")
        command.add_argument("--policies", type=Path, default=_POLICIES, metavar="DIR", help="policy directory")


def day(text: str) -> date:
    """A day as an option gives it."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"'{text}' is no day, such as 2026-01-31") from None


def run_check(options: argparse.Namespace, now_unix_nano: Callable[[], int] = _NOW_UNIX_NANO) -> int:
    """0 when the prices can be loaded (what is odd goes to stderr), 1 when they cannot."""
    faults: Sequence[Problem] = ()
    odd: Sequence[Problem] = ()
    rows: Sequence[dict[str, Any]] = ()
    try:
        files = read_prices(options.path, options.policies)
    except PolicyError as error:
        faults, where = error.problems, error.directory
    else:
        now = now_unix_nano()
        faults, where = files.faults(now), files.directory
        odd = remarks(files, datetime.fromtimestamp(now // NANO, UTC).date(), options.stale_days)
        rows = _in_force(files, list(files.schedules()), now)
    if options.json:
        print(
            json.dumps(
                {"ok": not faults, "prices": rows, "problems": _plain(faults), "warnings": _plain(odd)}, indent=2
            )
        )
    else:
        _print_prices(rows)
        for severity, problems in (("error", faults), ("warning", odd)):
            for problem in problems:
                place = f"{where / problem.file}:{problem.line}:{problem.column}"
                print(f"{place}: {severity}: {problem.message}", file=sys.stderr)
    return 1 if faults or (odd and options.strict) else 0


def run_show(options: argparse.Namespace, now_unix_nano: Callable[[], int] = _NOW_UNIX_NANO) -> int:
    """0 when there is a price, 1 when none was in force on that day. Raises ConfigurationError for an unknown model."""
    files = read_prices(options.policies, options.policies)
    moment = begins_unix_nano(options.at, files.prices.timezone) if options.at else now_unix_nano()
    rows = _in_force(files, _clusters(files, options.model), moment)
    if options.json:
        print(json.dumps(rows, indent=2))
    elif rows:
        _print_prices(rows)
    else:
        print(f"No price of '{options.model}' is in force then.", file=sys.stderr)
    return 0 if rows else 1


def _clusters(files: PriceFiles, asked: str) -> list[str]:
    known = files.schedules()
    if asked in known:
        return [asked]
    model = files.models.models.get(asked)
    if model is None:
        names = [*files.models.models, *known]
        raise ConfigurationError(f"unknown model or deployment '{asked}'{suggestion(asked, names)}")
    return [each.cluster(asked) for each in model.deployments if each.cluster(asked) in known]


def _in_force(files: PriceFiles, clusters: Sequence[str], moment_unix_nano: int) -> list[dict[str, Any]]:
    """One for each deployment that has a price then: deployment, from, until, currency, and its rates as text."""
    rows = []
    schedules = files.schedules()
    for cluster in clusters:
        found = _dated_at(schedules[cluster], moment_unix_nano)
        if found is None:
            continue
        shown = {name: units(rate) for name, rate in rates(found.price).items()}
        row = {"deployment": cluster, "from": begins(found, files.prices.timezone), "currency": files.budgets.currency}
        rows.append({**row, "rates": shown})
    return rows


def _dated_at(schedule: Schedule, moment_unix_nano: int) -> DatedPrice | None:
    return next((each for each in reversed(schedule) if each.from_unix_nano <= moment_unix_nano), None)


def _print_prices(rows: Sequence[dict[str, Any]]) -> None:
    columns = ("DEPLOYMENT", "FROM", "CURRENCY", "INPUT", "OUTPUT", "CACHED", "FURTHER")
    cells = []
    for row in rows:
        shown = dict(row["rates"])
        usual = [shown.pop(name) for name in ("input", "output", "cached_input")]
        further = ", ".join(f"{name} {rate}" for name, rate in shown.items())
        cells.append((row["deployment"], row["from"], row["currency"], *usual, further))
    print(table(columns, cells))


def _plain(problems: Sequence[Problem]) -> list[dict[str, Any]]:
    return [{"file": p.file, "line": p.line, "column": p.column, "message": p.message} for p in problems]
