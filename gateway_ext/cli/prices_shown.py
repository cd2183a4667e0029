"""Prices as people read them: units of the book's currency, with discount and exchange rate already in them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from fractions import Fraction
from zoneinfo import ZoneInfo

from gateway_ext.budget.prices import DatedPrice, Price
from gateway_ext.limits import NANO

DECIMALS = 6

# As prices.yaml calls them; the first eight are per million tokens.
_RATES = {
    "input": "input_rate",
    "output": "output_rate",
    "cached_input": "cached_input_rate",
    "cache_write": "cache_write_rate",
    "cache_write_1h": "cache_write_1h_rate",
    "reasoning": "reasoning_rate",
    "audio_input": "audio_input_rate",
    "audio_output": "audio_output_rate",
    "image_input": "image_input_rate",
    "image_output": "image_output_rate",
    "per_request": "per_request_nano",
    "per_second": "per_second_nano",
}
_ALWAYS_SHOWN = frozenset({"input", "output", "cached_input"})


def rates(price: Price) -> Mapping[str, Fraction]:
    """What `price` says, by the names of prices.yaml: exact, in units of the book's currency."""
    factor = Fraction(price.numerator, price.denominator * NANO)
    written = {name: getattr(price, field) for name, field in _RATES.items()}
    return {name: rate * factor for name, rate in written.items() if rate or (name in _ALWAYS_SHOWN and rate == 0)}


def units(amount: Fraction) -> str:
    """A plain decimal number, rounded up at DECIMALS, without needless zeros."""
    scaled = -(-amount.numerator * 10**DECIMALS // amount.denominator)
    whole, decimals = divmod(abs(scaled), 10**DECIMALS)
    text = f"{whole}.{decimals:0{DECIMALS}d}".rstrip("0").rstrip(".")
    return f"-{text}" if scaled < 0 else text


def percent(before: Fraction | int, after: Fraction | int) -> str:
    """The change, with its sign and one decimal; `new` where there was nothing before."""
    if before == after:
        return "0.0 %"
    if not before:
        return "new"
    tenths = round((Fraction(after) / Fraction(before) - 1) * 1_000)
    return f"{'-' if tenths < 0 else '+'}{abs(tenths) // 10}.{abs(tenths) % 10} %"


def begins(dated: DatedPrice, timezone: str) -> str:
    """The day from which a price holds; `always` for one without a date."""
    if not dated.from_unix_nano:
        return "always"
    return f"{datetime.fromtimestamp(dated.from_unix_nano // NANO, UTC).astimezone(ZoneInfo(timezone)).date()}"
