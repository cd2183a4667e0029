"""The pure rules of money: prices, worst cases, windows. Integers in nano-units only; every rounding is upwards."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from gateway_ext.exchange import Estimate, Usage
from gateway_ext.limits import TOKENS_PER_RATE


@dataclass(frozen=True, slots=True)
class Price:
    """Rates in nano-units per million tokens, `per_request_nano` in nano-units."""

    input_rate: int
    output_rate: int
    cached_input_rate: int
    per_request_nano: int = 0

    def cost_nano(self, usage: Usage) -> int:
        """Cost of `usage`, rounded up to a whole nano-unit."""
        fresh_tokens = max(0, usage.input_tokens - usage.cached_input_tokens)
        total = (
            fresh_tokens * self.input_rate
            + usage.cached_input_tokens * self.cached_input_rate
            + usage.output_tokens * self.output_rate
        )
        return -(-total // TOKENS_PER_RATE) + self.per_request_nano

    def worst_case_nano(self, estimate: Estimate) -> int:
        """Upper bound of the cost of a request within `estimate`, whatever part of its input was cached."""
        dearest_input = max(self.input_rate, self.cached_input_rate)
        total = estimate.input_tokens * dearest_input + estimate.output_tokens * self.output_rate
        return -(-total // TOKENS_PER_RATE) + self.per_request_nano


@dataclass(frozen=True, slots=True)
class BudgetRule:
    """A budget: every distinct `scope` value that matches gets an account of its own with `limit_nano` a window.

    `scope` is `user` (Principal.subject) or `team`; `match` is a shell-style pattern on it.
    """

    name: str
    scope: str
    match: str
    limit_nano: int
    window: str = "month"


@dataclass(frozen=True, slots=True)
class BudgetRules:
    currency: str
    timezone: str  # IANA name; windows begin at local midnight
    hold_ttl_seconds: int
    budgets: tuple[BudgetRule, ...]
    prices: Mapping[str, Price]  # by cluster


CREDENTIAL = "credential"  # in the place of a rule: what a credential may spend is said by itself


@dataclass(frozen=True, slots=True)
class AccountLine:
    """One account a request must fit in. `key` names rule, scope value and window."""

    key: str
    rule: str
    limit_nano: int
    resets_in_seconds: int | None = None  # until the next window begins

    @property
    def title(self) -> str:
        """What the caller is told about it."""
        return "This credential's own budget" if self.rule == CREDENTIAL else f"The budget '{self.rule}'"


@dataclass(frozen=True, slots=True)
class Reservation:
    """What is asked of the ledger. `prices` (by cluster) are pinned with the hold until it is settled."""

    id: str
    lines: tuple[AccountLine, ...]
    amount_nano: int
    currency: str
    estimate: Estimate
    prices: Mapping[str, Price]
    subject: str
    team: str
    model: str
    created_unix_nano: int
    expires_unix_nano: int


@dataclass(frozen=True, slots=True)
class Settlement:
    """What is asked of the ledger when an exchange has ended. Without a `cluster` nothing was spent: the hold is void."""

    hold_id: str
    usage: Usage | None
    cluster: str
    settled_by: str
    flags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Settled:
    """A hold that has been closed. `is_first` is True for the one call that made these figures, False for repeats.

    Figures change at most when better evidence arrives (settle.py), e.g. the provider's usage after the hold expired.
    That call is the first to tell the new figures, and they are flagged `corrected`.
    """

    hold_id: str
    state: str  # posted | void | expired
    usage: Usage | None
    cost_nano: int
    currency: str
    settled_by: str
    is_first: bool
    cluster: str
    flags: tuple[str, ...] = ()
