"""What a request's cost consists of: an amount of each kind at its rate. Integers only; the parts add up to the cost exactly."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum

from gateway_ext.budget.prices import Price
from gateway_ext.exchange import Usage
from gateway_ext.limits import NANO, TOKENS_PER_RATE

WHOLE_REQUEST = "Requests Charged As A Whole"


class Unit(Enum):
    """What a meter counts, in what steps it is priced, and how many of what it counts are one step."""

    TOKENS = ("Tokens", f"{TOKENS_PER_RATE} Tokens", TOKENS_PER_RATE)
    REQUESTS = ("Requests", "Requests", 1)
    NANOSECONDS = ("Seconds", "Seconds", NANO)

    def __init__(self, consumed: str, priced: str, per: int) -> None:
        self.consumed = consumed
        self.priced = priced
        self.per = per


@dataclass(frozen=True, slots=True)
class Charge:
    """`amount` of a meter at `rate_nano` a step, times `numerator` / `denominator` (discount, exchange rate).

    `billed_nano` is its part of the request's cost: rounded so that all parts add up to it.
    """

    meter: str
    unit: Unit
    amount: int
    rate_nano: int
    billed_nano: int
    numerator: int = 1
    denominator: int = 1


@dataclass(frozen=True, slots=True)
class _Part:
    meter: str
    unit: Unit
    amount: int
    rate_nano: int

    @property
    def parts(self) -> int:
        """Of its cost before the factor, in billionths of a nano-unit."""
        return self.amount * self.rate_nano * (NANO // self.unit.per)


def charges(usage: Usage | None, price: Price | None, cost_nano: int) -> tuple[Charge, ...]:
    """At least one. A cost that these figures do not explain (charged at its worst case, by the dearest of several prices,
    kinds of tokens that overlap) is one charge for the whole request."""
    if usage is not None and price is not None:
        parts = [part for part in _parts(usage, price) if part.amount]
        factor, divisor = price.numerator, price.denominator * NANO
        is_sound = parts and min(part.amount for part in parts) > 0
        if is_sound and -(-sum(part.parts for part in parts) * factor // divisor) == cost_nano:
            return _rounded(parts, price, cost_nano)
    return (Charge(WHOLE_REQUEST, Unit.REQUESTS, 1, cost_nano, cost_nano),)


def _rounded(parts: list[_Part], price: Price, cost_nano: int) -> tuple[Charge, ...]:
    """Each part rounded down; what is missing then goes to those that lost most, the first of equals first."""
    divisor = price.denominator * NANO
    split = [divmod(part.parts * price.numerator, divisor) for part in parts]
    billed = [whole for whole, _ in split]
    by_loss = sorted(range(len(parts)), key=lambda place: -split[place][1])
    for place in by_loss[: cost_nano - sum(billed)]:
        billed[place] += 1
    return tuple(
        Charge(part.meter, part.unit, part.amount, part.rate_nano, nano, price.numerator, price.denominator)
        for part, nano in zip(parts, billed, strict=True)
    )


def _parts(usage: Usage, price: Price) -> Iterator[_Part]:
    """Kinds without a rate of their own at that of the kind they are a part of. A negative rest says that kinds overlap."""
    written_rate = _or(price.cache_write_rate, price.input_rate)
    written_1h = min(usage.cache_write_1h_tokens, usage.cache_write_tokens)
    inputs = (
        ("Cached Input Tokens", usage.cached_input_tokens, price.cached_input_rate),
        ("Cache Write Tokens", usage.cache_write_tokens - written_1h, written_rate),
        ("Cache Write 1h Tokens", written_1h, _or(price.cache_write_1h_rate, written_rate)),
        ("Audio Input Tokens", usage.audio_input_tokens, _or(price.audio_input_rate, price.input_rate)),
        ("Image Input Tokens", usage.image_input_tokens, _or(price.image_input_rate, price.input_rate)),
    )
    outputs = (
        ("Reasoning Tokens", usage.reasoning_tokens, _or(price.reasoning_rate, price.output_rate)),
        ("Audio Output Tokens", usage.audio_output_tokens, _or(price.audio_output_rate, price.output_rate)),
        ("Image Output Tokens", usage.image_output_tokens, _or(price.image_output_rate, price.output_rate)),
    )
    for meter, tokens, rate, kinds in (
        ("Input Tokens", usage.input_tokens, price.input_rate, inputs),
        ("Output Tokens", usage.output_tokens, price.output_rate, outputs),
    ):
        yield _Part(meter, Unit.TOKENS, tokens - sum(each for _, each, _ in kinds), rate)
        yield from (_Part(name, Unit.TOKENS, each, own_rate) for name, each, own_rate in kinds)
    if price.per_request_nano:
        yield _Part("Requests", Unit.REQUESTS, 1, price.per_request_nano)
    if price.per_second_nano:
        yield _Part("Seconds", Unit.NANOSECONDS, usage.served_ns, price.per_second_nano)


def _or(rate: int | None, otherwise: int) -> int:
    return otherwise if rate is None else rate
