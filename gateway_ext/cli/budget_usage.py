"""What `budget report`, `compare` and `export` have in common: which ledger, which time, whose requests."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from gateway_ext.budget.reports import periods
from gateway_ext.budget.reports.periods import ReportPeriod
from gateway_ext.budget.reports.sqlite_usage import SqliteUsage
from gateway_ext.budget.reports.usage import Advance, Dimension, UsageQuery, UsageSource
from gateway_ext.cli.progress import Progress
from gateway_ext.errors import ConfigurationError, LedgerUnavailable
from gateway_ext.settings import Settings, load_settings


@dataclass(frozen=True, slots=True)
class Asked:
    """What the options ask for, over `period`; `before` is what it is compared with."""

    period: ReportPeriod
    before: ReportPeriod
    timezone: str
    where: tuple[tuple[Dimension, tuple[str, ...]], ...]

    def query(self, by: Sequence[Dimension] = (), period: ReportPeriod | None = None) -> UsageQuery:
        """Those requests, in `period` or this one."""
        asked = period or self.period
        return UsageQuery(asked.starts_unix_nano, asked.ends_unix_nano, tuple(by), self.where)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Where the ledger is, which requests, and how it is said."""
    parser.add_argument(
        "--window", metavar="PERIOD", help="2026, 2026-Q4, 2026-10, 2026-W44 or 2026-10-31 (this month)"
    )
    parser.add_argument("--from", dest="first", type=day, metavar="DATE", help="the first day, instead of --window")
    parser.add_argument(
        "--to", dest="until", type=day, metavar="DATE", help="the first day that no longer counts (tomorrow)"
    )
    parser.add_argument("--timezone", default="UTC", metavar="NAME", help="where days begin, as in budgets.yaml (UTC)")
    parser.add_argument(
        "--where",
        "--for",
        dest="where",
        type=condition,
        action="append",
        default=[],
        metavar="DIMENSION=VALUE",
        help="only these, such as team=search; of one dimension any, of several all must hold",
    )
    parser.add_argument("--settings", type=Path, metavar="FILE", help="process settings (YAML)")
    parser.add_argument("--state", type=Path, metavar="DIR", help="where the ledger lies, instead of the settings'")


def day(text: str) -> date:
    """A day as an option gives it."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"'{text}' is no day, such as 2026-10-31") from None


def dimensions(text: str) -> tuple[Dimension, ...]:
    """`team,model` as an option gives it."""
    found = tuple(_dimension(name.strip()) for name in text.split(",") if name.strip())
    if len(set(found)) < len(found):
        raise argparse.ArgumentTypeError(f"'{text}' names a dimension twice")
    return found


def condition(text: str) -> tuple[Dimension, str]:
    """`team=search` as an option gives it."""
    name, mark, value = text.partition("=")
    if not mark:
        raise argparse.ArgumentTypeError(f"'{text}' is no condition, such as team=search")
    return _dimension(name.strip()), value


def asked(options: argparse.Namespace, now_unix_nano: int) -> Asked:
    """Raises ConfigurationError for times that are none."""
    conditions: dict[Dimension, list[str]] = {}
    for dimension, value in options.where:
        conditions.setdefault(dimension, []).append(value)
    days = _days(options, now_unix_nano)
    period, before = periods.with_the_one_before(days, options.timezone, now_unix_nano)
    where = tuple((dimension, tuple(values)) for dimension, values in conditions.items())
    return Asked(period, before, options.timezone, where)


def source(settings: Settings) -> UsageSource:
    """The ledger of the settings. Raises ConfigurationError when there is none."""
    if settings.ledger_url:
        try:
            from gateway_ext.budget.postgres.usage import PostgresUsage  # noqa: PLC0415  (extra `postgres`)
        except ImportError as error:
            raise ConfigurationError(
                f"'{error.name}' is missing; install it with: pip install 'gateway-ext[postgres]'"
            ) from None
        return PostgresUsage(settings.ledger_url)
    path = settings.layout.ledger
    if not path.exists():
        raise ConfigurationError(f"{path}: there is no ledger; give --state, or start the gateway to create it")
    return SqliteUsage(path)


@contextmanager
def reading(options: argparse.Namespace, title: str, passes: int = 1) -> Iterator[tuple[UsageSource, Advance]]:
    """The ledger, and a bar while it is read `passes` times. Raises ConfigurationError when it cannot be read."""
    settings = load_settings(options.settings, state_dir=options.state)
    ledger = source(settings)
    try:
        with Progress(title, ledger.count() * passes) as progress:
            yield ledger, progress.advance
    except LedgerUnavailable as error:
        where = "the ledger's PostgreSQL" if settings.ledger_url else f"{settings.layout.ledger}: the ledger"
        reason = type(error.__cause__).__name__ if settings.ledger_url else error.__cause__
        raise ConfigurationError(f"{where} cannot be read ({reason})") from None


def _days(options: argparse.Namespace, now_unix_nano: int) -> periods.Days:
    if options.first is None:
        if options.until is not None:
            raise ConfigurationError("--to needs --from")
        return periods.named(options.window or periods.month_of(now_unix_nano, options.timezone))
    if options.window:
        raise ConfigurationError("give either --window or --from and --to")
    return periods.between(options.first, options.until or periods.day_after(now_unix_nano, options.timezone))


def _dimension(name: str) -> Dimension:
    try:
        return Dimension(name.replace("-", "_"))
    except ValueError:
        known = ", ".join(each.value for each in Dimension)
        raise argparse.ArgumentTypeError(f"'{name}' is no dimension; there are {known}") from None
