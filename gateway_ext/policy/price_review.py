"""What in a price book can be loaded but is hardly meant: old prices, gaps, rates of another unit, odd proportions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from itertools import pairwise

from gateway_ext.limits import NANO
from gateway_ext.policy.price_book import unused_prices
from gateway_ext.policy.price_reading import PriceFiles
from gateway_ext.policy.prices_schema import DatedPrice, ExchangeRate, Price
from gateway_ext.policy.problems import Problem
from gateway_ext.policy.yaml_source import Location, Source

# Per million tokens, in most currencies: below the one, a price was copied that is per thousand; above the other, in cents.
_RATE_NANO_MIN = {"input": NANO // 200, "output": NANO // 50}
_RATE_NANO_MAX = 1_000 * NANO


def remarks(files: PriceFiles, today: date, stale_days: int) -> list[Problem]:
    """Warnings, by file and line. A price or an exchange rate is stale when the one in force is older than `stale_days`."""
    found: list[Problem] = []
    for name, model in files.models.models.items():
        for index, deployment in enumerate(model.deployments):
            if deployment.price is not None:
                location = ("models", name, "deployments", index, "price")
                found += _odd_rates(files.sources["models.yaml"], location, deployment.price)
    if (source := files.sources.get("prices.yaml")) is not None:
        for cluster, prices in files.prices.prices.items():
            found += _stale(source, ("prices", cluster), prices, today, stale_days)
            found += _changed_currency(source, cluster, prices)
            for index, price in enumerate(prices):
                found += _odd_rates(source, ("prices", cluster, index), price)
                found += _without_exchange(source, files, ("prices", cluster, index), price)
        for currency, rates in files.prices.exchange.items():
            found += _stale(source, ("exchange", currency), rates, today, stale_days)
        found += _unused_exchange(source, files)
        found += unused_prices(files.sources, files.models)
    return sorted(found)


def _stale(
    source: Source, location: Location, listed: Sequence[DatedPrice | ExchangeRate], today: date, stale_days: int
) -> Iterator[Problem]:
    in_force = [index for index, each in enumerate(listed) if each.begins <= today]
    if in_force and (age_days := (today - listed[in_force[-1]].begins).days) > stale_days:
        message = f"'{location[-1]}' is {age_days} days old; compare it with its source, then add what holds today"
        yield source.problem((*location, in_force[-1], "from"), message)


def _changed_currency(source: Source, cluster: str, prices: Sequence[DatedPrice]) -> Iterator[Problem]:
    for index, (before, after) in enumerate(pairwise(prices), 1):
        if before.currency != after.currency:
            message = f"'{cluster}' is in another currency than before; is that what its provider did?"
            yield source.problem(("prices", cluster, index), message)


def _without_exchange(source: Source, files: PriceFiles, location: Location, price: DatedPrice) -> Iterator[Problem]:
    rates = files.prices.exchange.get(price.currency or "", ())
    if rates and price.begins < rates[0].begins:
        message = f"from {price.begins} to {rates[0].begins} there is no exchange rate for '{price.currency}': a gap"
        yield source.problem((*location, "currency"), message)


def _unused_exchange(source: Source, files: PriceFiles) -> Iterator[Problem]:
    used = {price.currency for prices in files.prices.prices.values() for price in prices}
    for currency in files.prices.exchange:
        if currency not in used:
            yield source.problem(("exchange", currency), f"no price is in '{currency}'", of_key=True)


def _odd_rates(source: Source, location: Location, price: Price) -> Iterator[Problem]:
    for name, nano_min in _RATE_NANO_MIN.items():
        rate = getattr(price, name)
        if 0 < rate < nano_min:
            message = f"'{name}' looks like a price per 1,000 tokens; write it per million"
            yield source.problem((*location, name), message)
        if rate > _RATE_NANO_MAX:
            message = f"'{name}' looks like cents, or a price of more than a million tokens; write units per million"
            yield source.problem((*location, name), message)
    if 0 < price.output < price.input:
        yield source.problem((*location, "output"), "'output' is cheaper than 'input'; were they mixed up?")
    if price.cached_input is not None and price.cached_input > price.input:
        yield source.problem((*location, "cached_input"), "'cached_input' is dearer than 'input'; were they mixed up?")
    if isinstance(price, DatedPrice) and price.cache_write is not None and price.cache_write < price.input:
        yield source.problem((*location, "cache_write"), "'cache_write' is cheaper than 'input'; were they mixed up?")
