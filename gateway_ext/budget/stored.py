"""Prices and usage as stores keep them: JSON, so that settling a hold needs nothing but its own row."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields
from functools import lru_cache
from operator import attrgetter
from types import MappingProxyType
from typing import Any

from gateway_ext.budget.prices import Price
from gateway_ext.budget.quotas import QuotaLine
from gateway_ext.budget.rules import Payer
from gateway_ext.exchange import Usage
from gateway_ext.quota import Unit

NO_DETAILS = "{}"
PAYER_COLUMNS = tuple(field.name for field in fields(Payer))
_payer_values = attrgetter(*PAYER_COLUMNS)


def encode_prices(prices: Mapping[str, Price]) -> str:
    """By cluster, each as Price.stored has it."""
    return "{" + ", ".join([_encode_price(cluster, price) for cluster, price in prices.items()]) + "}"


@lru_cache(maxsize=4096)
def _encode_price(cluster: str, price: Price) -> str:
    return f"{json.dumps(cluster)}: {json.dumps(price.stored())}"


@lru_cache(maxsize=4096)  # one of each model and price book, as a rule
def decode_prices(text: str) -> Mapping[str, Price]:
    """The inverse of `encode_prices`."""
    return MappingProxyType({cluster: Price(*values) for cluster, values in json.loads(text).items()})


def encode_details(usage: Usage) -> str:
    """What a usage says beyond input, output and cached tokens."""
    details = usage.kinds()
    if usage.served_ns:
        details["served_ns"] = usage.served_ns
    return json.dumps(details) if details else NO_DETAILS


def payer_row(payer: Payer) -> tuple[str, ...]:
    """In the order of PAYER_COLUMNS. At each request: dataclasses.astuple takes fifty times as long."""
    row: tuple[str, ...] = _payer_values(payer)
    return row


def usage_to_json(usage: Usage | None) -> dict[str, Any] | None:
    """All fields of Usage by name."""
    return None if usage is None else asdict(usage)


def usage_from_json(document: Mapping[str, Any] | None) -> Usage | None:
    """The inverse of `usage_to_json`."""
    return None if document is None else Usage(**document)


def quotas_to_json(lines: Sequence[QuotaLine]) -> list[list[Any]]:
    """Of those that are held, what settling needs: key, unit, limit, period, amount."""
    return [[line.key, line.unit, line.limit, line.period_seconds, line.amount] for line in lines if line.is_held]


def quotas_from_json(document: Sequence[Sequence[Any]]) -> list[QuotaLine]:
    """The inverse of `quotas_to_json`, without what settling does not need."""
    return [
        QuotaLine(key, "", Unit(unit), limit, period_seconds, amount, only_answered=True)
        for key, unit, limit, period_seconds, amount in document
    ]
