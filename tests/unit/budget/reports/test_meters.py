from __future__ import annotations

from fractions import Fraction

import pytest

from gateway_ext.budget.prices import Price
from gateway_ext.budget.reports.meters import WHOLE_REQUEST, Charge, Unit, charges
from gateway_ext.exchange import Usage
from gateway_ext.limits import NANO
from tests.unit.budget.reports.charged import PRICE


def split(usage: Usage, price: Price = PRICE) -> tuple[Charge, ...]:
    return charges(usage, price, price.cost_nano(usage))


def test_tokens_of_each_kind_at_their_rate() -> None:
    assert split(Usage(1_000, 200, 400)) == (
        Charge("Input Tokens", Unit.TOKENS, 600, 1_800_000_000, 1_080_000),
        Charge("Cached Input Tokens", Unit.TOKENS, 400, 900_000_000, 360_000),
        Charge("Output Tokens", Unit.TOKENS, 200, 5_400_000_000, 1_080_000),
    )


def test_kinds_of_the_price_book() -> None:
    price = Price(
        1_000_000,
        2_000_000,
        0,
        7,
        cache_write_rate=3_000_000,
        reasoning_rate=4_000_000,
        per_second_nano=5,
        numerator=1,
        denominator=2,
    )
    usage = Usage(10, 8, 1, cache_write_tokens=4, cache_write_1h_tokens=1, reasoning_tokens=3, served_ns=2 * NANO)
    found = {each.meter: (each.amount, each.rate_nano) for each in split(usage, price)}
    assert found == {
        "Input Tokens": (5, 1_000_000),
        "Cached Input Tokens": (1, 0),
        "Cache Write Tokens": (3, 3_000_000),
        "Cache Write 1h Tokens": (1, 3_000_000),
        "Output Tokens": (5, 2_000_000),
        "Reasoning Tokens": (3, 4_000_000),
        "Requests": (1, 7),
        "Seconds": (2 * NANO, 5),
    }
    # half of 5, 9, 3, 10, 12, 7 and 10
    assert sum(each.billed_nano for each in split(usage, price)) == 28


def test_what_rounding_leaves_goes_to_those_that_lost_most() -> None:
    price = Price(300_000, 600_000, 100_000)  # 0.3, 0.6 and 0.1 nano-units a token
    found = split(Usage(2, 1, 1), price)  # 0.3 + 0.1 + 0.6: one nano-unit
    assert [(each.meter, each.billed_nano) for each in found] == [
        ("Input Tokens", 0),
        ("Cached Input Tokens", 0),
        ("Output Tokens", 1),
    ]


@pytest.mark.parametrize(
    ("usage", "price", "cost_nano"),
    [
        (None, PRICE, 500),  # nobody told
        (Usage(1_000, 200), None, 500),  # by the dearest of several prices
        (Usage(1_000, 200), PRICE, 500),  # not what this price makes of it
        (Usage(10, 0, 9, audio_input_tokens=9), PRICE, PRICE.cost_nano(Usage(10, 0, 9, audio_input_tokens=9))),
        (Usage(0, 0), PRICE, 0),
    ],
)
def test_what_figures_do_not_explain_is_one_charge(usage: Usage | None, price: Price | None, cost_nano: int) -> None:
    assert charges(usage, price, cost_nano) == (Charge(WHOLE_REQUEST, Unit.REQUESTS, 1, cost_nano, cost_nano),)


def test_discount_and_exchange_rate_are_in_the_cost_and_told() -> None:
    price = Price(1_000_000_000, 0, 0, numerator=9, denominator=20)
    (found,) = split(Usage(1_000_000, 0), price)
    assert Fraction(found.rate_nano * found.numerator, found.denominator) == 450_000_000
    assert found.billed_nano == 450_000_000
