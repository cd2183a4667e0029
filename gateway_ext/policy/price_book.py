"""The price of each deployment, from models.yaml or prices.yaml: what is missing, what is there twice, what holds when."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime
from fractions import Fraction
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from gateway_ext.budget.prices import DatedPrice, Price, Schedule, always, price_at
from gateway_ext.limits import NANO
from gateway_ext.policy import prices_schema, schema
from gateway_ext.policy.fields import MONEY_DECIMALS
from gateway_ext.policy.problems import Problem
from gateway_ext.policy.yaml_source import Source

_Dated = TypeVar("_Dated", prices_schema.DatedPrice, prices_schema.ExchangeRate)
_ALL_PERCENT = 100 * 10**MONEY_DECIMALS


def schedules(
    models: schema.ModelsFile, prices: prices_schema.PricesFile, budgets: schema.BudgetsFile
) -> Mapping[str, Schedule]:
    """The prices of all deployments that have one, by cluster; in units of the book's currency."""
    found = {cluster: schedule for cluster in prices.prices if (schedule := booked(cluster, prices, budgets))}
    for name, model in models.models.items():
        for deployment in model.deployments:
            if deployment.price is not None:
                found[deployment.cluster(name)] = always(Price(*deployment.price.rates()))
    return found


def booked(cluster: str, file: prices_schema.PricesFile, budgets: schema.BudgetsFile) -> Schedule:
    """What prices.yaml says of `cluster`; empty when there is no moment at which its exchange rate is known, too."""
    written = file.prices[cluster]
    days = {price.begins for price in written}
    days |= {rate.begins for price in written for rate in file.exchange.get(price.currency or "", ())}
    found = []
    for day in sorted(days):
        price = _latest(written, day)
        rate = None if price is None else exchange_rate(price.currency or budgets.currency, day, file, budgets.currency)
        if price is not None and rate is not None:
            dated = DatedPrice(begins_unix_nano(day, file.timezone), _price(price, rate, budgets.hold_ttl_seconds))
            found.append(dated)
    return tuple(found)


def exchange_rate(currency: str, day: date, file: prices_schema.PricesFile, book_currency: str) -> Fraction | None:
    """What a unit of `currency` costs in the book's on `day`; None before the first rate."""
    if currency == book_currency:
        return Fraction(1)
    rate = _latest(file.exchange.get(currency, ()), day)
    return None if rate is None else Fraction(rate.rate, NANO)


def begins_unix_nano(day: date, timezone: str) -> int:
    """The first moment of `day` there."""
    return int(datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(timezone)).timestamp()) * NANO


def price_faults(sources: Mapping[str, Source], shapes: Mapping[str, Any], now_unix_nano: int) -> Iterator[Problem]:
    """Deployments without a price in force now, or with one in both files, and currencies that cannot be converted."""
    models, budgets = shapes.get("models.yaml"), shapes.get("budgets.yaml")
    prices: prices_schema.PricesFile = shapes.get("prices.yaml") or prices_schema.PricesFile()
    if budgets is not None:
        yield from _currency_faults(sources, prices, budgets)
    if models is None or ("prices.yaml" in sources and "prices.yaml" not in shapes):
        return
    source = sources["models.yaml"]
    for name, model in models.models.items():
        for index, deployment in enumerate(model.deployments):
            location = ("models", name, "deployments", index, "price")
            cluster = deployment.cluster(name)
            is_booked = cluster in prices.prices
            if deployment.price is None and not is_booked:
                message = f"item {index + 1} of 'deployments' lacks the key 'price'; add it, for example"
                detail = f"'price: {{input: 2.5, output: 10}}', or a price of '{cluster}' to prices.yaml"
                yield source.problem(location, f"{message} {detail}")
            elif deployment.price is not None and is_booked:
                line, _ = sources["prices.yaml"].position(("prices", cluster), of_key=True)
                message = f"'{cluster}' has a price in line {line} of prices.yaml, too; keep one of them"
                yield source.problem(location, message, of_key=True)
            elif deployment.price is None and budgets is not None:
                yield from _not_in_force(cluster, sources["prices.yaml"], prices, budgets, now_unix_nano)


def _not_in_force(
    cluster: str,
    source: Source,
    file: prices_schema.PricesFile,
    budgets: schema.BudgetsFile,
    now_unix_nano: int,
) -> Iterator[Problem]:
    schedule = booked(cluster, file, budgets)
    if schedule and price_at(schedule, now_unix_nano) is None:
        day = datetime.fromtimestamp(schedule[0].from_unix_nano // NANO, ZoneInfo(file.timezone)).date()
        message = f"'{cluster}' has no price before {day}, when it or its exchange rate begins; add those of today"
        yield source.problem(("prices", cluster), message, of_key=True)


def _currency_faults(
    sources: Mapping[str, Source], file: prices_schema.PricesFile, budgets: schema.BudgetsFile
) -> Iterator[Problem]:
    if budgets.currency in file.exchange:
        message = f"'{budgets.currency}' is the book's own currency (budgets.yaml); remove its exchange rates"
        yield sources["prices.yaml"].problem(("exchange", budgets.currency), message, of_key=True)
    for cluster, written in file.prices.items():
        for index, price in enumerate(written):
            if price.currency not in (None, budgets.currency, *file.exchange):
                message = f"there is no exchange rate for '{price.currency}'; add one to 'exchange', for example"
                example = f"'{price.currency}: [{{from: {price.begins}, rate: 0.92}}]'"
                yield sources["prices.yaml"].problem(("prices", cluster, index, "currency"), f"{message} {example}")


def unused_prices(sources: Mapping[str, Source], models: schema.ModelsFile) -> Iterator[Problem]:
    """Warnings about prices of what no model uses: a misspelt name, or a deployment that is gone."""
    source = sources.get("prices.yaml")
    if source is None:
        return
    used = {each.cluster(name) for name, model in models.models.items() for each in model.deployments}
    for cluster in source.document.get("prices", {}):
        if cluster not in used:
            message = f"no model of models.yaml uses '{cluster}'"
            yield source.problem(("prices", cluster), message, of_key=True)


def _latest(written: Sequence[_Dated], day: date) -> _Dated | None:
    return next((each for each in reversed(written) if each.begins <= day), None)


def _price(written: prices_schema.DatedPrice, exchange: Fraction, hold_ttl_seconds: int) -> Price:
    factor = exchange * Fraction(_ALL_PERCENT - written.discount_percent, _ALL_PERCENT)
    input_rate, output_rate, cached_input_rate, per_request_nano = written.rates()
    per_second_nano = written.per_gpu_second * written.gpus
    return Price(
        input_rate=input_rate,
        output_rate=output_rate,
        cached_input_rate=cached_input_rate,
        per_request_nano=per_request_nano,
        cache_write_rate=written.cache_write,
        cache_write_1h_rate=written.cache_write_1h,
        reasoning_rate=written.reasoning,
        audio_input_rate=written.audio_input,
        audio_output_rate=written.audio_output,
        image_input_rate=written.image_input,
        image_output_rate=written.image_output,
        per_second_nano=per_second_nano,
        seconds_max=(written.seconds_max or hold_ttl_seconds) if per_second_nano else 0,
        numerator=factor.numerator,
        denominator=factor.denominator,
    )
