"""Charged requests for tests of what is made of them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from gateway_ext.budget.prices import Price
from gateway_ext.budget.reports.usage import Charged
from gateway_ext.exchange import Usage
from tests.unit.budget.reports.traffic import ADA
from tests.unit.budget.reservations import NOW

PRICE = Price(1_800_000_000, 5_400_000_000, 900_000_000)  # 1.80, 5.40 and 0.90 a million tokens


def charged(usage: Usage | None = None, price: Price | None = PRICE, **changes: Any) -> Charged:
    """A posted request of Ada's; it cost what its usage does, or 1,000 nano-units."""
    cost_nano = 1_000 if usage is None or price is None else price.cost_nano(usage)
    whole = Charged("h1", NOW, "posted", "EUR", cost_nano, ADA, "large", "eu/model", price, usage, ())
    return replace(whole, **changes)
