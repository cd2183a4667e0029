from __future__ import annotations

from dataclasses import fields, replace

import pytest

from gateway_ext.budget.prices import DatedPrice, Price, always, price_at
from gateway_ext.exchange import Estimate, Usage

MILLION = 1_000_000
# Rates of whole nano-units per token, each another one, so that figures can be read off.
PRICE = Price(
    input_rate=10 * MILLION,
    output_rate=100 * MILLION,
    cached_input_rate=1 * MILLION,
    per_request_nano=7,
    cache_write_rate=12 * MILLION,
    cache_write_1h_rate=20 * MILLION,
    reasoning_rate=90 * MILLION,
    audio_input_rate=40 * MILLION,
    audio_output_rate=200 * MILLION,
    image_input_rate=30 * MILLION,
    image_output_rate=150 * MILLION,
)
SIMPLE = Price(10 * MILLION, 100 * MILLION, 1 * MILLION)


@pytest.mark.parametrize(
    ("usage", "cost_nano"),
    [
        (Usage(0, 0), 7),
        (Usage(3, 2), 7 + 30 + 200),
        (Usage(3, 0, 2), 7 + 10 + 2),
        (Usage(5, 0, cache_write_tokens=2), 7 + 30 + 24),
        (Usage(5, 0, cache_write_tokens=3, cache_write_1h_tokens=1), 7 + 20 + 24 + 20),
        (Usage(5, 0, 1, cache_write_tokens=2, audio_input_tokens=1, image_input_tokens=1), 7 + 1 + 24 + 40 + 30),
        (Usage(0, 9, reasoning_tokens=4, audio_output_tokens=2, image_output_tokens=1), 7 + 200 + 360 + 400 + 150),
        (Usage(2, 0, 2, audio_input_tokens=2), 7 + 80),  # audio that came from a cache: at the dearer rate
        (Usage(3, 0, 2, audio_input_tokens=2), 7 + 80 + 1),
    ],
)
def test_each_kind_of_token_has_its_rate(usage: Usage, cost_nano: int) -> None:
    assert PRICE.cost_nano(usage) == cost_nano


def test_a_kind_without_a_rate_costs_what_it_is_a_part_of() -> None:
    usage = Usage(9, 8, 0, False, 4, 2, 3, 1, 1, 1, 1)
    assert SIMPLE.cost_nano(usage) == 9 * 10 + 8 * 100
    written = replace(SIMPLE, cache_write_rate=12 * MILLION)
    assert written.cost_nano(Usage(4, 0, cache_write_tokens=4, cache_write_1h_tokens=2)) == 48


def test_the_worst_case_is_the_dearest_kind() -> None:
    assert PRICE.worst_case_nano(Estimate(3, 2)) == 7 + 3 * 40 + 2 * 200
    assert SIMPLE.worst_case_nano(Estimate(3, 2)) == 3 * 10 + 2 * 100


def test_seconds_of_graphics_processors() -> None:
    rented = Price(0, 0, 0, per_second_nano=900, seconds_max=60)
    assert rented.cost_nano(Usage(1_000, 1_000, served_ns=1_500_000_000)) == 1_350
    assert rented.cost_nano(Usage(0, 0, served_ns=1)) == 1  # rounded up
    assert rented.worst_case_nano(Estimate(1_000, 1_000)) == 60 * 900
    assert rented.cost_nano(Usage(0, 0, served_ns=90_000_000_000)) == 90 * 900  # longer than reserved: in full


def test_a_discount_and_an_exchange_rate_are_applied_before_the_one_rounding() -> None:
    """Three tokens at 10 nano-dollars, 5 % off, at 0.92 euros: 26.22; rounding the rate first would make 27.6."""
    assert replace(SIMPLE, numerator=95 * 92, denominator=100 * 100).cost_nano(Usage(3, 0)) == 27


def test_a_price_is_in_force_until_the_next_one_begins() -> None:
    first, second = replace(SIMPLE, per_request_nano=1), replace(SIMPLE, per_request_nano=2)
    schedule = (DatedPrice(100, first), DatedPrice(200, second), DatedPrice(300, first))
    found = [price_at(schedule, now) for now in (99, 100, 199, 200, 299, 300, 10**19)]
    assert found == [None, first, first, second, second, first, first]
    assert price_at(always(first), 0) == first


def test_a_simple_price_is_stored_as_it_has_always_been() -> None:
    """Four numbers, which programs from before the price book can settle by."""
    assert SIMPLE.stored() == (10 * MILLION, 100 * MILLION, 1 * MILLION, 0)
    assert Price(0, 0, 0).stored() == (0, 0, 0, 0)


def test_every_field_of_a_price_is_stored() -> None:
    full = Price(*range(1, len(fields(Price)) + 1))
    assert Price(*full.stored()) == full  # type: ignore[arg-type]  # as the ledger does it, out of JSON
    assert Price(*PRICE.stored()) == PRICE  # type: ignore[arg-type]
    assert len(PRICE.stored()) < len(full.stored())
