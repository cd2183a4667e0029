"""The pure nouns of money: budgets, what is asked of the ledger, what it answers. Integers in nano-units only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from gateway_ext.budget.prices import Price, Schedule
from gateway_ext.budget.priorities import PriorityRules
from gateway_ext.budget.quotas import QuotaLine
from gateway_ext.budget.windows import Window
from gateway_ext.exchange import Estimate, Usage
from gateway_ext.quota import Unit


class Scope(StrEnum):
    """Whose money: from the whole house down to one credential, and to one run of an agent that it is used for."""

    ORGANISATION = "organisation"
    BUSINESS_UNIT = "business_unit"
    TEAM = "team"
    PROJECT = "project"
    APPLICATION = "application"
    USER = "user"
    CREDENTIAL = "credential"
    AGENT_RUN = "agent_run"


@dataclass(frozen=True, slots=True)
class BudgetRule:
    """A budget: every distinct value of `scope` that matches gets an account of its own with `limit_nano` a window.

    `match` is a shell-style pattern on the value, `models` are such patterns on the model asked for (none: any).
    `per_model` gives each model an account of its own. A soft budget (`is_hard` false) is counted and told, and refuses
    nobody. What a period has not used, up to `carries_max_nano`, is added to the next one. `is_required` (of agent runs):
    a request that it is for and that names no run is refused.
    """

    name: str
    scope: Scope
    match: str
    limit_nano: int
    window: Window = field(default_factory=Window)
    models: tuple[str, ...] = ()
    per_model: bool = False
    is_hard: bool = True
    carries_max_nano: int = 0
    is_required: bool = False


@dataclass(frozen=True, slots=True)
class QuotaRule:
    """A quota: every distinct value of `scope` that matches gets one of its own of `limit` per period.

    `limit` is in requests, tokens or nano-units; of `concurrent` it is how many may be under way, and `period_seconds` is 0.
    `match`, `models` and `per_model` are as of a budget. `only_answered`: a request that no model answered does not count.
    """

    name: str
    scope: Scope
    match: str
    unit: Unit
    limit: int
    period_seconds: int
    models: tuple[str, ...] = ()
    per_model: bool = False
    only_answered: bool = False


@dataclass(frozen=True, slots=True)
class BudgetRules:
    """`business_units` maps teams to theirs, `organisation` is the name of the whole.

    `timezone` (IANA) is that of what has none of its own: the budgets that credentials carry.
    A request for whose output there is no room is limited to what is left, if that is at least `output_tokens_min` for each
    choice; None: it is refused. `cuts_over_hold`: a stream with more output than was held for it is ended.
    `admits_within_lease`: what is leased may be spent while the ledger does not answer.
    """

    currency: str
    hold_ttl_seconds: int
    budgets: tuple[BudgetRule, ...]
    prices: Mapping[str, Schedule]  # by cluster
    organisation: str = "organisation"
    business_units: Mapping[str, str] = field(default_factory=dict)
    timezone: str = "UTC"
    quotas: tuple[QuotaRule, ...] = ()
    priorities: PriorityRules = field(default_factory=PriorityRules)
    output_tokens_min: int | None = None
    cuts_over_hold: bool = False
    admits_within_lease: bool = False


CREDENTIAL = "credential"  # in the place of a rule: what a credential may spend is said by itself


@dataclass(frozen=True, slots=True)
class AccountLine:
    """One account a request must fit in. `key` names rule, scope, value and period, `budget` all of these but the period.

    What the `others` hold counts against the limit, too (rolling windows). An account that is opened takes over what the
    one called `before` left, up to `carries_max_nano`.
    """

    key: str
    rule: str
    limit_nano: int
    resets_in_seconds: int | None = None  # until the next period begins
    budget: str = ""
    is_hard: bool = True
    others: tuple[str, ...] = ()
    before: str = ""
    carries_max_nano: int = 0

    @property
    def title(self) -> str:
        """What the caller is told about it."""
        return "This credential's own budget" if self.rule == CREDENTIAL else f"The budget '{self.rule}'"


@dataclass(frozen=True, slots=True)
class TopUp:
    """Money added to a budget (AccountLine.budget) from one moment to another, whatever period these fall into."""

    id: str
    budget: str
    amount_nano: int
    begins_unix_nano: int
    ends_unix_nano: int
    actor: str
    reason: str


@dataclass(frozen=True, slots=True)
class Payer:
    """Whom reports charge with a request. Empty: the caller has none."""

    subject: str
    team: str = ""
    business_unit: str = ""
    project: str = ""
    application: str = ""
    environment: str = ""
    cost_center: str = ""
    credential_id: str = ""
    agent_run: str = ""


@dataclass(frozen=True, slots=True)
class Reservation:
    """What is asked of the ledger. `prices` (by cluster) are pinned with the hold until it is settled."""

    id: str
    lines: tuple[AccountLine, ...]
    amount_nano: int
    currency: str
    estimate: Estimate
    prices: Mapping[str, Price]
    payer: Payer
    model: str
    created_unix_nano: int
    expires_unix_nano: int
    quotas: tuple[QuotaLine, ...] = ()


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
