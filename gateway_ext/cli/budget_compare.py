"""`gateway-ext budget compare`: what past requests would have cost on another model."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from gateway_ext.budget.prices import Price, price_at
from gateway_ext.budget.reports.compare import Compared, Comparison, compared, remarks
from gateway_ext.cli import budget_usage
from gateway_ext.cli.budget_report_text import money, requests_of
from gateway_ext.cli.budget_usage import Asked
from gateway_ext.cli.prices_shown import percent
from gateway_ext.cli.table import table
from gateway_ext.clock import SystemClock
from gateway_ext.errors import ConfigurationError
from gateway_ext.policy.price_book import begins_unix_nano
from gateway_ext.policy.price_reading import PriceFiles, read_prices
from gateway_ext.policy.problems import suggestion
from gateway_ext.settings import load_settings

_COLUMNS = ("ASKED FOR", "PRICED ON", "REQUESTS", "INPUT", "CACHED", "OUTPUT", "PAID", "WOULD COST", "CHANGE")
_NUMBERS = 7
_NOW_UNIX_NANO = SystemClock().now_unix_nano


def register(commands: Any) -> None:
    """Add the command to those of `budget`."""
    compare = commands.add_parser(
        "compare",
        help="price past requests on another model",
        description="Prices the tokens of past requests on another model, by the price book: what the same traffic would"
        " have cost there.",
    )
    compare.add_argument(
        "--model",
        action="append",
        required=True,
        metavar="MODEL",
        help="a model of models.yaml, or provider/model; again for more",
    )
    compare.add_argument("--at", type=budget_usage.day, metavar="DATE", help="by the prices of that day (today)")
    compare.add_argument("--policies", type=Path, metavar="DIR", help="policy directory, instead of the settings'")
    budget_usage.add_arguments(compare)
    compare.add_argument("--json", action="store_true", help="print JSON; amounts are integers in nano-units")
    compare.set_defaults(run=run)


def run(options: argparse.Namespace, now_unix_nano: Callable[[], int] = _NOW_UNIX_NANO) -> int:
    """Print the comparison. Raises ConfigurationError for unknown models, and those without a price then."""
    now = now_unix_nano()
    asked = budget_usage.asked(options, now)
    policies = load_settings(options.settings, policies_dir=options.policies).policies_dir
    files = read_prices(policies, policies)
    moment = begins_unix_nano(options.at, files.prices.timezone) if options.at else now
    prices = {cluster: price for model in options.model for cluster, price in _prices(files, model, moment).items()}
    with budget_usage.reading(options, "Pricing") as (ledger, advance):
        found = compared(ledger.charged(asked.query(), advance), prices, files.budgets.currency)
    if options.json:
        print(json.dumps(_document(asked, files.budgets.currency, found, prices), indent=2))
    else:
        print("\n".join(_text(asked, files.budgets.currency, found, prices)))
    return 0


def _prices(files: PriceFiles, asked: str, moment_unix_nano: int) -> Mapping[str, Price]:
    """Of the deployments of a model, or of one deployment, those in force at that moment."""
    schedules = files.schedules()
    model = files.models.models.get(asked)
    if asked not in schedules and model is None:
        raise ConfigurationError(
            f"unknown model or deployment '{asked}'{suggestion(asked, [*files.models.models, *schedules])}"
        )
    clusters = [asked] if model is None else [each.cluster(asked) for each in model.deployments]
    found = {
        cluster: price
        for cluster in clusters
        if cluster in schedules and (price := price_at(schedules[cluster], moment_unix_nano)) is not None
    }
    if not found:
        raise ConfigurationError(f"no price of '{asked}' is in force then; see: gateway-ext prices show {asked}")
    return found


def _text(asked: Asked, currency: str, found: Comparison, prices: Mapping[str, Price]) -> Sequence[str]:
    title = f"Requests of {asked.period.name} ({asked.timezone}), in {currency}"
    if not any(each.requests for each in found.models.values()):
        return [title, "", "There are no requests with known usage to compare."]
    rows = [row for model, each in sorted(found.models.items()) if each.requests for row in _rows(model, each)]
    if len(found.models) > 1:
        rows += _rows("TOTAL", _total(list(found.models.values()), prices))
    unknown = sum(each.unknown_requests for each in found.models.values())
    estimated = sum(each.estimated_requests for each in found.models.values())
    lines = [title, "", table(_COLUMNS, rows, numbers=_NUMBERS)]
    if unknown:
        lines.append(f"Not compared: {requests_of(unknown)} charged at the worst case, because nobody told the usage.")
    if estimated:
        lines.append(f"Estimated: the usage of {requests_of(estimated)}.")
    if found.elsewhere:
        lines.append(f"Not compared: {requests_of(found.elsewhere)} in other currencies.")
    return [*lines, *remarks(prices)]


def _rows(model: str, each: Compared) -> list[tuple[str, ...]]:
    return [
        (
            model,
            cluster,
            f"{each.requests:,}",
            f"{each.input_tokens:,}",
            f"{each.cached_input_tokens:,}",
            f"{each.output_tokens:,}",
            money(each.paid_nano),
            money(would_nano),
            percent(each.paid_nano, would_nano),
        )
        for cluster, would_nano in each.would_nano.items()
    ]


def _total(models: Sequence[Compared], prices: Mapping[str, Price]) -> Compared:
    found = Compared(would_nano={cluster: sum(each.would_nano[cluster] for each in models) for cluster in prices})
    for name in ("requests", "input_tokens", "cached_input_tokens", "output_tokens", "paid_nano"):
        setattr(found, name, sum(getattr(each, name) for each in models))
    return found


def _document(asked: Asked, currency: str, found: Comparison, prices: Mapping[str, Price]) -> dict[str, Any]:
    return {
        "period": asdict(asked.period),
        "timezone": asked.timezone,
        "currency": currency,
        "models": {model: asdict(each) for model, each in sorted(found.models.items())},
        "requests_in_other_currencies": found.elsewhere,
        "remarks": remarks(prices),
    }
