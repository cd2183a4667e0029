"""Money is exact: a cost is the rational value, rounded up once; what is reserved is never less than what is charged."""

from __future__ import annotations

from dataclasses import fields, replace
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from gateway_ext.budget.prices import Price
from gateway_ext.exchange import Estimate, Usage
from gateway_ext.limits import NANO, TOKENS_PER_RATE

RATES = st.integers(0, 10**14)
OPTIONAL = st.none() | RATES
TOKENS = st.integers(0, 10**9)
IN = ("cached_input_tokens", "cache_write_tokens", "audio_input_tokens", "image_input_tokens")
OUT = ("reasoning_tokens", "audio_output_tokens", "image_output_tokens")

prices = st.builds(
    Price,
    input_rate=RATES,
    output_rate=RATES,
    cached_input_rate=RATES,
    per_request_nano=RATES,
    cache_write_rate=OPTIONAL,
    cache_write_1h_rate=OPTIONAL,
    reasoning_rate=OPTIONAL,
    audio_input_rate=OPTIONAL,
    audio_output_rate=OPTIONAL,
    image_input_rate=OPTIONAL,
    image_output_rate=OPTIONAL,
    per_second_nano=st.integers(0, 10**12),
    seconds_max=st.integers(0, 86_400),
    numerator=st.integers(0, 10**20),
    denominator=st.integers(1, 10**20),
)


@st.composite
def apart(draw: st.DrawFn) -> Usage:
    """Kinds that do not overlap, as providers count them."""
    present = draw(st.sets(st.sampled_from((*IN, *OUT))))  # often none: the way most answers take
    parts = {name: draw(TOKENS) if name in present else 0 for name in (*IN, *OUT)}
    written_1h = draw(st.integers(0, parts["cache_write_tokens"]))
    return Usage(
        input_tokens=sum(parts[name] for name in IN) + draw(TOKENS),
        output_tokens=sum(parts[name] for name in OUT) + draw(TOKENS),
        cache_write_1h_tokens=written_1h,
        served_ns=draw(st.integers(0, 86_400 * NANO)),
        is_estimated=False,
        **parts,
    )


anyhow = st.builds(Usage, TOKENS, TOKENS, **dict.fromkeys((*IN, *OUT, "cache_write_1h_tokens", "served_ns"), TOKENS))


def exact_nano(price: Price, usage: Usage) -> Fraction:
    """What it costs to the last fraction; written to be read, and to share nothing with the program."""

    def rate(own: int | None, otherwise: int) -> int:
        return otherwise if own is None else own

    written = rate(price.cache_write_rate, price.input_rate)
    written_1h = rate(price.cache_write_1h_rate, written)
    plain_in = usage.input_tokens - sum(getattr(usage, name) for name in IN)
    plain_out = usage.output_tokens - sum(getattr(usage, name) for name in OUT)
    by_rate = [
        (plain_in, price.input_rate),
        (usage.cached_input_tokens, price.cached_input_rate),
        (usage.cache_write_tokens - usage.cache_write_1h_tokens, written),
        (usage.cache_write_1h_tokens, written_1h),
        (usage.audio_input_tokens, rate(price.audio_input_rate, price.input_rate)),
        (usage.image_input_tokens, rate(price.image_input_rate, price.input_rate)),
        (plain_out, price.output_rate),
        (usage.reasoning_tokens, rate(price.reasoning_rate, price.output_rate)),
        (usage.audio_output_tokens, rate(price.audio_output_rate, price.output_rate)),
        (usage.image_output_tokens, rate(price.image_output_rate, price.output_rate)),
    ]
    cost = sum((Fraction(tokens * each, TOKENS_PER_RATE) for tokens, each in by_rate), Fraction(price.per_request_nano))
    cost += Fraction(usage.served_ns * price.per_second_nano, NANO)
    return cost * Fraction(price.numerator, price.denominator)


@given(prices, apart())
def test_a_cost_is_the_exact_value_rounded_up(price: Price, usage: Usage) -> None:
    cost_nano, exact = price.cost_nano(usage), exact_nano(price, usage)
    assert type(cost_nano) is int
    assert exact <= cost_nano < exact + 1


@given(prices, apart() | anyhow, st.integers(0, 10**6), st.integers(0, 10**6), st.integers(0, 3600))
def test_the_worst_case_covers_every_usage_within_the_estimate(
    price: Price, usage: Usage, spare_in: int, spare_out: int, spare_seconds: int
) -> None:
    """Whatever kinds the tokens are of, even where the figures contradict each other."""
    seconds = -(-usage.served_ns // NANO) + spare_seconds
    price = replace(price, seconds_max=seconds)
    estimate = Estimate(usage.input_tokens + spare_in, usage.output_tokens + spare_out)
    assert price.cost_nano(usage) <= price.worst_case_nano(estimate)


@given(prices, apart() | anyhow, st.sampled_from(["input_tokens", "output_tokens", "served_ns"]), TOKENS)
def test_more_never_costs_less(price: Price, usage: Usage, name: str, more: int) -> None:
    larger = replace(usage, **{name: getattr(usage, name) + more})
    assert price.cost_nano(usage) <= price.cost_nano(larger)


@given(prices, apart() | anyhow, st.data())
def test_a_higher_rate_never_costs_less(price: Price, usage: Usage, data: st.DataObject) -> None:
    names = [field.name for field in fields(Price) if field.name.endswith(("_rate", "_nano"))]
    name = data.draw(st.sampled_from([name for name in names if getattr(price, name) is not None]))
    dearer = replace(price, **{name: getattr(price, name) + data.draw(RATES)})
    assert price.cost_nano(usage) <= dearer.cost_nano(usage)


@given(prices)
def test_what_is_stored_is_the_same_price(price: Price) -> None:
    assert Price(*price.stored()) == price  # type: ignore[arg-type]  # as the ledger does it, out of JSON
