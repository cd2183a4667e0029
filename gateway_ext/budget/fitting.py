"""A request that does not fit as it is: counted instead of bounded, its output limited to the money that is left. For quotas it
is counted only: what they lack comes back by itself.

What is held is what goes out: whoever asks this for a hold tells the provider the limit that comes with it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace

from gateway_ext.budget.rules import Reservation
from gateway_ext.errors import BudgetExhausted, RateLimited
from gateway_ext.exchange import Estimate, Hold, Prompt

FURTHER_RESERVES_MAX = 2
OUTPUT_TOKENS_USEFUL = 256  # for callers that set no limit: less is left to the provider's own judgement

Reserve = Callable[[Reservation], Awaitable[Hold]]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a request asks for. `output_tokens_min`: of a choice, so much of an answer is worth its money; None: only all."""

    estimate: Estimate
    choices: int
    output_tokens_min: int | None

    @staticmethod
    def of(prompt: Prompt, estimate: Estimate, output_tokens_min: int | None) -> Wanted:
        """`output_tokens_min` is policy's; a caller who asks for less than that is content with it."""
        asked = estimate.output_tokens // prompt.choices
        if output_tokens_min is None or asked < prompt.output_tokens_least:
            return Wanted(estimate, prompt.choices, None)
        return Wanted(estimate, prompt.choices, max(min(output_tokens_min, asked), prompt.output_tokens_least))

    @property
    def output_tokens(self) -> int:
        """Of a choice."""
        return self.estimate.output_tokens // self.choices

    def limited(self, output_tokens: int) -> Estimate:
        """With so much output for each choice."""
        return replace(self.estimate, output_tokens=output_tokens * self.choices)


@dataclass(frozen=True, slots=True)
class Fitted:
    """What is held. `output_cap`, of each choice, is what budget `capped_by` has left for it; 0: all that was asked for."""

    hold: Hold
    estimate: Estimate
    output_cap: int = 0
    capped_by: str = ""


async def hold(
    wanted: Wanted,
    first: Reservation,
    reservation: Callable[[Estimate], Reservation],
    reserve: Reserve,
    closer_input: Callable[[], Awaitable[int | None]],
    at_once: Reserve | None = None,
) -> Fitted:
    """Hold `first`, which is all of `wanted`, or as much of it as there is room for. Raises what `reserve` raises.

    `closer_input` gives a closer upper bound of the input tokens, or None; it is asked only when the first does not fit.
    `at_once` is `reserve` without the waiting that it may do: who waits for a quota is counted before, and waits for less.
    """
    try:
        return Fitted(await (at_once or reserve)(first), wanted.estimate)
    except RateLimited as refusal:
        closer = await _closer(wanted.estimate, reservation, closer_input, refusal)
        if closer is not None:
            return Fitted(await reserve(reservation(closer)), closer)
        if at_once is None:
            raise
        return Fitted(await reserve(first), wanted.estimate)
    except BudgetExhausted as refusal:
        exhausted = refusal
    if is_hopeless(wanted, reservation, exhausted.room_nano):  # whoever is out of money costs us no counting
        raise exhausted
    tried = wanted.estimate
    if (tokens := await closer_input()) is not None:
        counted = min(tokens, wanted.estimate.input_tokens)
        wanted = replace(wanted, estimate=replace(wanted.estimate, input_tokens=counted))
    for _ in range(FURTHER_RESERVES_MAX):
        estimate = fitting(wanted, reservation, exhausted.room_nano)
        if estimate is None or estimate == tried:
            break
        try:
            held = await reserve(reservation(estimate))
        except BudgetExhausted as refusal:  # others took of it meanwhile
            tried, exhausted = estimate, refusal
            continue
        if estimate == wanted.estimate:
            return Fitted(held, estimate)
        return Fitted(held, estimate, estimate.output_tokens // wanted.choices, exhausted.rule)
    raise exhausted


async def _closer(
    bound: Estimate,
    reservation: Callable[[Estimate], Reservation],
    closer_input: Callable[[], Awaitable[int | None]],
    refusal: RateLimited,
) -> Estimate | None:
    """`bound` with its input counted; None when that is of no use to the quotas that refuse it."""
    least = reservation(replace(bound, input_tokens=0))
    may_fit = len(refusal.quotas) == len(least.quotas) and all(
        line.amount <= quota.left for line, quota in zip(least.quotas, refusal.quotas, strict=True)
    )
    if not may_fit or (tokens := await closer_input()) is None or tokens >= bound.input_tokens:
        return None
    return replace(bound, input_tokens=tokens)


def fitting(wanted: Wanted, reservation: Callable[[Estimate], Reservation], room_nano: int | None) -> Estimate | None:
    """As much of `wanted` as costs at most `room_nano` (None: nobody knows); None when that would be too little."""

    def fits(output_tokens: int) -> bool:
        return room_nano is None or reservation(wanted.limited(output_tokens)).amount_nano <= room_nano

    if fits(wanted.output_tokens):
        return wanted.estimate
    if wanted.output_tokens_min is None or not fits(wanted.output_tokens_min):
        return None
    most, too_much = wanted.output_tokens_min, wanted.output_tokens
    while too_much - most > 1:  # a longer output never costs less, whatever its price is made of
        middle = (most + too_much) // 2
        most, too_much = (middle, too_much) if fits(middle) else (most, middle)
    return wanted.limited(most)


def is_hopeless(wanted: Wanted, reservation: Callable[[Estimate], Reservation], room_nano: int | None) -> bool:
    """Whether there is no room for the least output, were there no input at all."""
    least = wanted.output_tokens if wanted.output_tokens_min is None else wanted.output_tokens_min
    return room_nano is not None and reservation(replace(wanted.limited(least), input_tokens=0)).amount_nano > room_nano
