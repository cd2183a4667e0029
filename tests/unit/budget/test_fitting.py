from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import pytest

from gateway_ext.budget.fitting import Fitted, Wanted, fitting, hold
from gateway_ext.budget.prices import Price
from gateway_ext.budget.quotas import QuotaLine, State, limited
from gateway_ext.budget.reserve import exhausted
from gateway_ext.budget.rules import AccountLine, Reservation
from gateway_ext.errors import BudgetExhausted, RateLimited
from gateway_ext.exchange import Endpoint, Estimate, Hold, Prompt
from gateway_ext.quota import Unit
from tests.unit.budget.reservations import reservation as stored

LINE = AccountLine("user", "per-user", 10**9)
# A nano-unit per input token, two per output token; another one with dear input.
PRICES = {"a": Price(1_000_000, 2_000_000, 0), "b": Price(2_000_000, 1_000_000, 0, per_request_nano=5)}
PROMPT = Prompt(Endpoint.CHAT_COMPLETIONS, "m", {}, (), False, False, None, 1, 400)


def build(estimate: Estimate) -> Reservation:
    amount = max(price.worst_case_nano(estimate) for price in PRICES.values())
    return replace(stored("h1", amount, LINE, prices=PRICES), estimate=estimate)


@dataclass
class Ledger:
    """Has `rooms` left, one after the other; the last one stays."""

    rooms: list[int | None]
    asked: list[Reservation] = field(default_factory=list)

    async def reserve(self, reservation: Reservation) -> Hold:
        self.asked.append(reservation)
        room = self.rooms.pop(0) if len(self.rooms) > 1 else self.rooms[0]
        if room is None or reservation.amount_nano > room:
            raise exhausted(LINE, None if room is None else (room, LINE.rule))
        return Hold(reservation.id, reservation.amount_nano, "EUR")


@dataclass
class Counted:
    tokens: int | None = None
    times: int = 0

    async def __call__(self) -> int | None:
        self.times += 1
        return self.tokens


async def held(
    wanted: Wanted, ledger: Ledger, counted: Counted, again: Callable[[Estimate], Reservation] = build
) -> Fitted:
    return await hold(wanted, build(wanted.estimate), again, ledger.reserve, counted)


ALL = Wanted(Estimate(1_000, 4_000), choices=1, output_tokens_min=256)


async def test_what_fits_is_asked_once_and_not_counted() -> None:
    ledger, counted = Ledger([9_000]), Counted(1)
    fitted = await held(ALL, ledger, counted)
    assert (fitted.estimate, fitted.output_cap, fitted.capped_by) == (ALL.estimate, 0, "")
    assert (len(ledger.asked), counted.times) == (1, 0)


async def test_what_fits_once_it_is_counted_is_not_limited() -> None:
    ledger, counted = Ledger([8_300]), Counted(250)
    fitted = await held(ALL, ledger, counted)
    assert (fitted.estimate, fitted.output_cap, fitted.hold.amount_nano) == (Estimate(250, 4_000), 0, 8_250)
    assert (len(ledger.asked), counted.times) == (2, 1)


@pytest.mark.parametrize("tokens", [None, 1_000, 5_000])
async def test_the_output_is_limited_to_what_is_left(tokens: int | None) -> None:
    ledger = Ledger([3_006])
    fitted = await held(ALL, ledger, Counted(tokens))
    assert fitted == Fitted(Hold("h1", 3_006, "EUR"), Estimate(1_000, 1_001), 1_001, "per-user")
    assert len(ledger.asked) == 2


async def test_all_choices_are_limited_alike() -> None:
    fitted = await held(Wanted(Estimate(0, 9_000), 3, 256), Ledger([6_010]), Counted())
    assert (fitted.estimate, fitted.output_cap) == (Estimate(0, 3_003), 1_001)


@pytest.mark.parametrize(("room", "fits"), [(2_261, True), (2_260, False)])
async def test_too_short_an_answer_is_not_worth_its_money(room: int, fits: bool) -> None:
    ledger = Ledger([room])
    if fits:
        assert (await held(ALL, ledger, Counted())).output_cap == 256
    else:
        with pytest.raises(BudgetExhausted):
            await held(ALL, ledger, Counted())
        assert len(ledger.asked) == 1


async def test_who_is_out_of_money_is_not_counted() -> None:
    counted = Counted(1)
    with pytest.raises(BudgetExhausted):
        await held(ALL, Ledger([511]), counted)
    assert counted.times == 0


async def test_policy_may_refuse_instead_of_limiting() -> None:
    never = replace(ALL, output_tokens_min=None)
    with pytest.raises(BudgetExhausted):
        await held(never, Ledger([8_999]), Counted())
    assert (await held(never, Ledger([8_999]), Counted(900))).estimate == Estimate(900, 4_000)


async def test_others_may_take_of_what_was_left_twice_at_most() -> None:
    ledger = Ledger([5_000, 4_000, 3_000])
    with pytest.raises(BudgetExhausted):
        await held(ALL, ledger, Counted())
    assert [each.amount_nano for each in ledger.asked] == [9_000, 5_000, 4_000]
    ledger = Ledger([5_000, 4_000, 4_000])
    assert (await held(ALL, ledger, Counted())).output_cap == 1_500


async def test_a_ledger_that_does_not_know_what_is_left_is_asked_again_for_what_was_counted_only() -> None:
    ledger = Ledger([None, 8_500])
    assert (await held(ALL, ledger, Counted(500))).estimate == Estimate(500, 4_000)
    ledger = Ledger([None])
    with pytest.raises(BudgetExhausted):
        await held(ALL, ledger, Counted(500))
    assert len(ledger.asked) == 2
    ledger = Ledger([None])
    with pytest.raises(BudgetExhausted):
        await held(ALL, ledger, Counted())
    assert len(ledger.asked) == 1


def with_quotas(estimate: Estimate, tokens: int = 4_500, money: int = 10**9, requests: int = 1) -> Reservation:
    """`build` in buckets of these sizes."""
    asked = build(estimate)
    used = estimate.input_tokens + estimate.output_tokens
    return replace(
        asked,
        quotas=(
            QuotaLine("t", "team-tokens", Unit.TOKENS, tokens, 60, used),
            QuotaLine("m", "team-money", Unit.MONEY, money, 60, asked.amount_nano),
            QuotaLine("r", "team-requests", Unit.REQUESTS, requests, 60, 1),
        ),
    )


@dataclass
class Buckets:
    """All full, as each line says of itself."""

    asked: list[Reservation] = field(default_factory=list)

    async def reserve(self, reservation: Reservation) -> Hold:
        self.asked.append(reservation)
        if any(line.amount > line.limit for line in reservation.quotas):
            raise limited(reservation.quotas, [State()] * len(reservation.quotas), reservation.created_unix_nano)
        return Hold(reservation.id, reservation.amount_nano, "EUR")


async def held_in(buckets: Buckets, counted: Counted, again: Callable[[Estimate], Reservation]) -> Fitted:
    return await hold(ALL, again(ALL.estimate), again, buckets.reserve, counted)


@pytest.mark.parametrize("sizes", [{"tokens": 4_500}, {"tokens": 10**9, "money": 8_999}])
async def test_what_a_quota_has_no_room_for_by_its_bytes_is_counted(sizes: dict[str, int]) -> None:
    buckets, counted = Buckets(), Counted(499)
    fitted = await held_in(buckets, counted, lambda each: with_quotas(each, **sizes))
    assert (fitted.estimate, fitted.output_cap) == (Estimate(499, 4_000), 0)
    assert (len(buckets.asked), counted.times) == (2, 1)


@pytest.mark.parametrize("tokens", [None, 1_000, 5_000])
async def test_a_count_that_helps_no_quota_is_not_asked_with(tokens: int | None) -> None:
    buckets = Buckets()
    with pytest.raises(RateLimited, match="'team-tokens'"):
        await held_in(buckets, Counted(tokens), with_quotas)
    assert len(buckets.asked) == 1


async def test_what_is_too_much_when_counted_is_refused_by_the_quota() -> None:
    buckets = Buckets()
    with pytest.raises(RateLimited, match="'team-tokens'"):
        await held_in(buckets, Counted(501), with_quotas)
    assert len(buckets.asked) == 2


@pytest.mark.parametrize("sizes", [{"tokens": 3_999}, {"money": 7_999}, {"requests": 0}])
async def test_what_fits_in_no_quota_without_any_input_is_not_counted(sizes: dict[str, int]) -> None:
    counted = Counted(1)
    with pytest.raises(RateLimited):
        await held_in(Buckets(), counted, lambda each: with_quotas(each, **sizes))
    assert counted.times == 0


async def test_who_stands_behind_others_in_line_is_not_counted() -> None:
    async def occupied(_: Reservation) -> Hold:
        raise RateLimited("Others wait for a quota that applies here.", retry_after_seconds=1)

    counted = Counted(1)
    with pytest.raises(RateLimited, match="Others"):
        await hold(ALL, with_quotas(ALL.estimate), with_quotas, occupied, counted)
    assert counted.times == 0


@pytest.mark.parametrize(("tokens", "waits_for"), [(499, 499), (None, 1_000)])
async def test_who_waits_is_counted_before(tokens: int | None, waits_for: int) -> None:
    waiting, counted = Ledger([10**9]), Counted(tokens)
    fitted = await hold(
        ALL, with_quotas(ALL.estimate), with_quotas, waiting.reserve, counted, at_once=Buckets().reserve
    )
    assert fitted.estimate == Estimate(waits_for, 4_000)
    assert (len(waiting.asked), counted.times) == (1, 1)


async def test_who_fits_at_once_neither_waits_nor_is_counted() -> None:
    waiting, counted = Ledger([0]), Counted(1)
    fitted = await hold(ALL, build(ALL.estimate), build, waiting.reserve, counted, at_once=Ledger([9_000]).reserve)
    assert (fitted.estimate, len(waiting.asked), counted.times) == (ALL.estimate, 0, 0)


def test_the_dearest_price_decides_what_fits() -> None:
    assert fitting(Wanted(Estimate(1_000, 4_000), 1, 1), build, 2_400) == Estimate(1_000, 395)  # b: 2,000 + 395 + 5


@pytest.mark.parametrize(
    ("asked", "choices", "least", "policy", "expected"),
    [
        (4_000, 1, 1, 256, 256),
        (40, 1, 1, 256, 40),
        (4_000, 2, 1, 256, 256),
        (4_000, 1, 1_025, 256, 1_025),
        (4_000, 1, 1, None, None),
        (1_000, 1, 1_025, 256, None),
        (0, 1, 1, 256, None),
    ],
)
def test_the_least_output(asked: int, choices: int, least: int, policy: int | None, expected: int | None) -> None:
    prompt = replace(PROMPT, choices=choices, output_tokens_least=least)
    assert Wanted.of(prompt, Estimate(10, asked * choices), policy).output_tokens_min == expected
