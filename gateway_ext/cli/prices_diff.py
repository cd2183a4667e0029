"""`gateway-ext prices diff`: what changes from one price book to another, and what it would have meant for past traffic."""

from __future__ import annotations

import argparse
import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from gateway_ext.budget.prices import Price, price_at
from gateway_ext.budget.reports.usage import Charged, UsageQuery
from gateway_ext.cli import budget_usage
from gateway_ext.cli.prices_shown import percent, rates, units
from gateway_ext.cli.table import table
from gateway_ext.clock import SystemClock
from gateway_ext.errors import ConfigurationError
from gateway_ext.limits import NANO
from gateway_ext.policy.price_book import begins_unix_nano
from gateway_ext.policy.price_reading import PriceFiles, read_prices

_NOW_UNIX_NANO = SystemClock().now_unix_nano


@dataclass(slots=True)
class Traffic:
    """Of one deployment: what was paid, and what it would have cost. `unpriced` requests have no figures, or no price."""

    requests: int = 0
    unpriced: int = 0
    paid_nano: int = 0
    before_nano: int = 0
    after_nano: int = 0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What `diff` takes beyond the options of all `prices` commands."""
    parser.add_argument("before", type=Path, metavar="A", help="policy directory, or a price book")
    parser.add_argument("after", type=Path, metavar="B", help="policy directory, or a price book")
    parser.add_argument(
        "--state", type=Path, metavar="DIR", help="state directory: also say what last month would cost"
    )
    parser.add_argument("--settings", type=Path, metavar="FILE", help="the same, of the ledger of these settings")


def run(options: argparse.Namespace, now_unix_nano: Callable[[], int] = _NOW_UNIX_NANO) -> int:
    """0 when nothing changes, 1 when something does, as diff(1). Raises ConfigurationError."""
    now = now_unix_nano()
    files = [read_prices(path, options.policies) for path in (options.before, options.after)]
    if len({each.budgets.currency for each in files}) > 1:
        raise ConfigurationError(
            "the two price books are of different currencies (budgets.yaml); nothing can be compared"
        )
    moment = begins_unix_nano(options.at, files[0].prices.timezone) if options.at else now
    before, after = (dict(_prices(each, moment)) for each in files)
    changes = list(_changes(before, after))
    month, traffic = _last_month(options, files[0], before, after, now) if _wants_traffic(options) else ("", {})
    currency = files[0].budgets.currency
    if options.json:
        rows = [_traffic_row(cluster, each) for cluster, each in sorted(traffic.items())]
        print(json.dumps({"currency": currency, "changes": changes, "month": month or None, "traffic": rows}, indent=2))
    else:
        _print(changes, traffic, month, currency)
    return 1 if changes else 0


def _wants_traffic(options: argparse.Namespace) -> bool:
    return options.state is not None or options.settings is not None


def _prices(files: PriceFiles, moment_unix_nano: int) -> Iterable[tuple[str, Price]]:
    for cluster, schedule in files.schedules().items():
        if (price := price_at(schedule, moment_unix_nano)) is not None:
            yield cluster, price


def _changes(before: Mapping[str, Price], after: Mapping[str, Price]) -> Iterable[dict[str, str]]:
    """One for each rate that differs, as text."""
    nothing: Mapping[str, Fraction] = {}
    for cluster in sorted(before.keys() | after.keys()):
        old = rates(before[cluster]) if cluster in before else nothing
        new = rates(after[cluster]) if cluster in after else nothing
        for name in [*old, *(name for name in new if name not in old)]:
            if old.get(name) != new.get(name):
                was, becomes = old.get(name), new.get(name)
                yield {
                    "deployment": cluster,
                    "rate": name,
                    "before": "" if was is None else units(was),
                    "after": "" if becomes is None else units(becomes),
                    "change": "new" if was is None else "gone" if becomes is None else percent(was, becomes),
                }


def _last_month(
    options: argparse.Namespace,
    files: PriceFiles,
    before: Mapping[str, Price],
    after: Mapping[str, Price],
    now_unix_nano: int,
) -> tuple[str, Mapping[str, Traffic]]:
    """The calendar month before this one, in the book's time zone, and what was asked in it by deployment."""
    zone = files.budgets.timezone
    today = datetime.fromtimestamp(now_unix_nano // NANO, ZoneInfo(zone)).date()
    ends = today.replace(day=1)
    starts = ends.replace(year=ends.year - 1, month=12) if ends.month == 1 else ends.replace(month=ends.month - 1)
    query = UsageQuery(begins_unix_nano(starts, zone), begins_unix_nano(ends, zone))
    with budget_usage.reading(options, "Pricing") as (ledger, advance):
        requests = ledger.charged(query, advance)
        return f"{starts:%Y-%m}", _recosted(requests, files.budgets.currency, before, after)


def _recosted(
    requests: Iterable[Charged], currency: str, before: Mapping[str, Price], after: Mapping[str, Price]
) -> Mapping[str, Traffic]:
    found: defaultdict[str, Traffic] = defaultdict(Traffic)
    for each in requests:
        if each.currency != currency:
            continue
        traffic = found[each.cluster or "(unknown)"]
        traffic.requests += 1
        traffic.paid_nano += each.cost_nano
        if each.usage is None or each.cluster not in before or each.cluster not in after:
            traffic.unpriced += 1
            continue
        traffic.before_nano += before[each.cluster].cost_nano(each.usage)
        traffic.after_nano += after[each.cluster].cost_nano(each.usage)
    return found


def _traffic_row(cluster: str, traffic: Traffic) -> dict[str, Any]:
    amounts = {"paid": traffic.paid_nano, "before": traffic.before_nano, "after": traffic.after_nano}
    shown = {name: units(Fraction(nano, NANO)) for name, nano in amounts.items()}
    change = percent(traffic.before_nano, traffic.after_nano)
    return {
        "deployment": cluster,
        "requests": traffic.requests,
        "unpriced": traffic.unpriced,
        **shown,
        "change": change,
    }


def _print(changes: Sequence[Mapping[str, str]], traffic: Mapping[str, Traffic], month: str, currency: str) -> None:
    if not changes:
        print("No price changes.")
    else:
        columns = ("deployment", "rate", "before", "after", "change")
        print(table([name.upper() for name in columns], [[change[name] for name in columns] for change in changes]))
    if not month:
        return
    print(
        f"\nWhat was used in {month}, in {currency}; 'unpriced' requests have no figures, or no price in one of the two:"
    )
    total = Traffic()
    for each in traffic.values():
        for name in Traffic.__slots__:
            setattr(total, name, getattr(total, name) + getattr(each, name))
    rows = [_traffic_row(cluster, each) for cluster, each in sorted(traffic.items())]
    rows.append(_traffic_row("all", total))
    print(table([name.upper() for name in rows[0]], [[str(cell) for cell in row.values()] for row in rows]))
