"""Whatever is asked, whatever is left: what is held covers every answer of a provider that obeys the limit it was told."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from gateway_ext.budget.fitting import Fitted, Wanted, fitting, hold
from gateway_ext.budget.prices import Price
from gateway_ext.budget.reserve import estimate, exhausted
from gateway_ext.budget.rules import AccountLine, Reservation
from gateway_ext.dialects import output_limits
from gateway_ext.dialects.requests import read_prompt, rewrite
from gateway_ext.errors import BudgetExhausted
from gateway_ext.exchange import Endpoint, Estimate, Hold, Usage
from tests.unit.budget.reservations import reservation

LINE = AccountLine("user", "per-user", 10**15)
RATES = st.integers(0, 10**11)
PRICES = st.builds(Price, RATES, RATES, RATES, st.integers(0, 10**9))
LIMITS = st.none() | st.integers(1, 50) | st.integers(1_000, 100_000)
REQUESTS = st.one_of(
    st.tuples(
        st.just(Endpoint.CHAT_COMPLETIONS),
        st.fixed_dictionaries(
            {"max_tokens": LIMITS, "max_completion_tokens": LIMITS, "n": st.none() | st.integers(1, 9)}
        ),
    ),
    st.tuples(
        st.just(Endpoint.COMPLETIONS),
        st.fixed_dictionaries({"max_tokens": LIMITS, "n": st.integers(1, 4), "best_of": st.none() | st.integers(1, 9)}),
    ),
    st.tuples(st.just(Endpoint.RESPONSES), st.fixed_dictionaries({"max_output_tokens": LIMITS})),
    st.tuples(st.just(Endpoint.MESSAGES), st.fixed_dictionaries({"max_tokens": st.just(0) | LIMITS.filter(bool)})),
)
BASES: dict[Endpoint, dict[str, Any]] = {
    Endpoint.CHAT_COMPLETIONS: {"messages": [{"role": "user", "content": "hello"}]},
    Endpoint.COMPLETIONS: {"prompt": ["hello", "you"]},
    Endpoint.RESPONSES: {"input": "hello"},
    Endpoint.MESSAGES: {"messages": [{"role": "user", "content": "hello"}]},
}


def build(prices: dict[str, Price], asked: Estimate) -> Reservation:
    amount = max(price.worst_case_nano(asked) for price in prices.values())
    return replace(reservation("h1", amount, LINE, prices=prices), estimate=asked)


def obedient(endpoint: Endpoint, body: dict[str, Any], wished: int) -> int:
    """The output of a provider that would like to say `wished` tokens and obeys what it is told, for each choice."""
    told = [body[field] for field in output_limits.FIELDS[endpoint] if body.get(field) is not None]
    assert told, "nobody told the provider how long the answer may be"
    prompts = len(body["prompt"]) if endpoint is Endpoint.COMPLETIONS else 1
    choices = prompts * max(body.get("n") or 1, body.get("best_of") or 1)
    return int(min(wished, max(told)) * choices)


@given(
    request=REQUESTS,
    prices=st.lists(PRICES, min_size=1, max_size=3),
    share=st.integers(0, 1_100),
    closer=st.none() | st.integers(0, 100),
    output_tokens_min=st.sampled_from([None, 1, 256]),
    wished=st.just(200_000) | st.integers(0, 5_000),
    cached=st.integers(0, 10),
)
def test_what_is_held_covers_what_an_obedient_provider_costs(
    request: tuple[Endpoint, dict[str, Any]],
    prices: list[Price],
    share: int,
    closer: int | None,
    output_tokens_min: int | None,
    wished: int,
    cached: int,
) -> None:
    endpoint, fields = request
    prompt = read_prompt(endpoint, json.dumps({"model": "m", **BASES[endpoint], **fields}).encode())
    priced = {str(number): price for number, price in enumerate(prices)}
    bounds = estimate(prompt, 4_096)
    room_nano = build(priced, bounds).amount_nano * share // 1_000

    async def reserve(asked: Reservation) -> Hold:
        if asked.amount_nano > room_nano:
            raise exhausted(LINE, (room_nano, LINE.rule))
        return Hold(asked.id, asked.amount_nano, asked.currency)

    async def closer_input() -> int | None:
        return closer

    async def ask() -> Fitted:
        wanted = Wanted.of(prompt, bounds, output_tokens_min)
        return await hold(wanted, build(priced, bounds), lambda asked: build(priced, asked), reserve, closer_input)

    try:
        fitted = asyncio.run(ask())
    except BudgetExhausted:
        return
    assert fitted.hold.amount_nano <= room_nano
    limit = fitted.estimate.output_tokens // prompt.choices
    assert not fitted.output_cap or fitted.output_cap == limit >= min(output_tokens_min or 0, limit)
    changes = output_limits.changes(prompt, limit, "max_tokens")
    body = rewrite(prompt, model=None, include_usage=False, edits=(), fields=changes)
    output = obedient(endpoint, json.loads(body) if body else dict(prompt.document), wished)
    usage = Usage(fitted.estimate.input_tokens, output, min(cached, fitted.estimate.input_tokens))
    for price in prices:
        assert price.cost_nano(usage) <= fitted.hold.amount_nano


@given(
    prices=st.lists(PRICES, min_size=1, max_size=3),
    asked=st.builds(Estimate, st.integers(0, 10_000), st.integers(1, 10_000)),
    share=st.integers(0, 1_100),
)
def test_nothing_that_there_is_room_for_is_left_over(prices: list[Price], asked: Estimate, share: int) -> None:
    priced = {str(number): price for number, price in enumerate(prices)}
    room_nano = build(priced, asked).amount_nano * share // 1_000
    found = fitting(Wanted(asked, 1, 1), lambda each: build(priced, each), room_nano)
    longer = Estimate(asked.input_tokens, 1 if found is None else found.output_tokens + 1)
    if found is not None:
        assert build(priced, found).amount_nano <= room_nano
    if longer.output_tokens <= asked.output_tokens:
        assert build(priced, longer).amount_nano > room_nano
