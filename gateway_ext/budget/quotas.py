"""How fast: the generic cell rate algorithm (ITU-T I.371) with reservations, two numbers for each limit.

A quota of `limit` in `period_seconds` is a bucket of that size which refills evenly. Its state is the moment at which it would
be full again, and what requests under way hold of it. Using an amount moves the moment on; a request is refused when moment and
holds together would then lie more than a period ahead. So a burst may take all at once, and over a long time no more than the
rate passes. What is held is not refilled before its request has ended and told how much it did use.

How many are under way is the same without a moment: it is what they hold.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from gateway_ext.errors import RateLimited
from gateway_ext.exchange import Usage
from gateway_ext.limits import NANO, QUOTA_POLL_SECONDS
from gateway_ext.quota import Quota, Unit

HELD_RETRY_NANO = NANO  # told to clients: nobody knows when a request ends that is under way


@dataclass(frozen=True, slots=True)
class QuotaLine:
    """One quota that a request must fit in. `period_seconds` is 0 for what is counted while under way.

    `only_answered`: a request that no model answered does not count. `is_shared`: others than the caller use it, too, so it
    may be waited for in line.
    """

    key: str
    rule: str
    unit: Unit
    limit: int
    period_seconds: int
    amount: int
    only_answered: bool = False
    is_shared: bool = True

    @property
    def is_held(self) -> bool:
        """Whether the end of the request tells what it used; otherwise it is used when it begins."""
        return self.unit is not Unit.REQUESTS or self.only_answered

    @property
    def step(self) -> int:
        """What the amount takes: nanoseconds of refilling; of what is under way, the number."""
        return self.amount if self.unit is Unit.CONCURRENT else step_nano(self.amount, self.limit, self.period_seconds)

    @property
    def room(self) -> int:
        """How much there is of that, to begin with."""
        return self.limit if self.unit is Unit.CONCURRENT else self.period_seconds * NANO


@dataclass(frozen=True, slots=True)
class State:
    """A quota as a store has it; `held` in the measure of QuotaLine.step."""

    full_unix_nano: int = 0
    held: int = 0

    def without(self, line: QuotaLine) -> State:
        """As it was before `line` was taken."""
        if line.is_held:
            return State(self.full_unix_nano, self.held - line.step)
        return State(self.full_unix_nano - line.step, self.held)


def step_nano(amount: int, limit: int, period_seconds: int) -> int:
    """The time in which `amount` is refilled, rounded up: never more than the rate passes."""
    return -(-amount * period_seconds * NANO // limit)


def used_step(line: QuotaLine, usage: Usage | None, cost_nano: int, *, was_answered: bool) -> int:
    """What a request has used of what it held, now that it has ended. Unless somebody knows better, all of it.

    `was_answered` is False for what cost nothing because no model answered.
    """
    if line.unit is Unit.CONCURRENT or not was_answered:
        return 0
    used = line.amount
    if line.unit is Unit.TOKENS and usage is not None:
        used = usage.input_tokens + usage.output_tokens
    elif line.unit is Unit.MONEY:
        used = cost_nano
    used = min(used, line.amount + line.limit)  # no debt beyond one full bucket
    return step_nano(used, line.limit, line.period_seconds)


def left(state: State, line: QuotaLine, now_unix_nano: int) -> Quota:
    """What there is for requests like that of `line`. `full_in_seconds` takes for used what is held."""
    missing = max(0, state.full_unix_nano - now_unix_nano) + state.held
    free = max(0, line.room - missing)
    if line.unit is Unit.CONCURRENT:
        return Quota(line.rule, line.unit, line.limit, free, 0, now_unix_nano // NANO)
    amount = free * line.limit // (line.period_seconds * NANO)
    full_unix_seconds = -(-(now_unix_nano + missing) // NANO)
    return Quota(line.rule, line.unit, line.limit, amount, -(-missing // NANO), full_unix_seconds)


def wait_nano(state: State, line: QuotaLine, now_unix_nano: int) -> int:
    """Until there may be room for what `line` needs, 0 when there is; for amounts there can ever be.

    There is for certain by then when nothing is held, and nobody is faster.
    """
    until_refilled = max(0, state.full_unix_nano - now_unix_nano) + line.step - line.room
    if until_refilled + state.held <= 0:
        return 0
    return max(until_refilled, HELD_RETRY_NANO if state.held else 0)


def limited(lines: Sequence[QuotaLine], states: Sequence[State], now_unix_nano: int) -> RateLimited:
    """The refusal for want of room on at least one of `lines`, each with its state; it names the one to wait longest for."""
    pairs = list(zip(lines, states, strict=True))
    quotas = tuple(left(state, line, now_unix_nano) for line, state in pairs)
    for line in lines:
        if line.amount > line.limit:
            return RateLimited(
                f"The quota '{line.rule}' is less than this request can use at most. A lower max_tokens needs less.",
                quotas=quotas,
            )
    short = [(wait, line, state) for line, state in pairs if (wait := wait_nano(state, line, now_unix_nano))]
    longest_nano, line, state = max(short, key=lambda each: each[0])
    return RateLimited(
        f"The quota '{line.rule}' has no room for this request just now.",
        retry_after_seconds=max(1, -(-longest_nano // NANO)),
        quotas=quotas,
        waits_at=line.key if all(each.is_shared for _, each, _ in short) else "",
        wait_seconds=QUOTA_POLL_SECONDS if state.held else longest_nano / NANO,
    )
