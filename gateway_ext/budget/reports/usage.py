"""What reports are made of: who used what, in whole tokens and nano-units, out of a ledger's settled holds.

A request counts in the period in which it was asked (`created_unix_nano`), as it does for budgets, whenever it was settled
or corrected: the figures of a past period change at most while its last requests are under way.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, fields, replace
from enum import StrEnum
from operator import attrgetter
from typing import Protocol

from gateway_ext.budget.prices import Price
from gateway_ext.budget.rules import Payer
from gateway_ext.exchange import Usage

Advance = Callable[[int], None]
"""Told how many more holds have been looked at."""


class Dimension(StrEnum):
    """What figures can be grouped and narrowed by. `provider` and `deployment` are those that answered."""

    BUSINESS_UNIT = "business_unit"
    TEAM = "team"
    PROJECT = "project"
    APPLICATION = "application"
    USER = "user"
    CREDENTIAL = "credential"
    MODEL = "model"
    PROVIDER = "provider"
    DEPLOYMENT = "deployment"
    ENVIRONMENT = "environment"
    COST_CENTER = "cost_center"
    AGENT_RUN = "agent_run"


@dataclass(frozen=True, slots=True)
class Figures:
    """Sums over holds. `input_tokens` and `output_tokens` include the kinds after them, as Usage's do.

    `requests` are those that were charged, `free_requests` those that were not (voided), `open_requests` those under way.
    `estimated_nano` and `recovered_nano` are parts of `cost_nano`: figures that are not the provider's, and of those the
    ones nobody told the end of. `held_nano` is reserved for open requests, and no part of the cost.
    """

    requests: int = 0
    free_requests: int = 0
    estimated_requests: int = 0
    open_requests: int = 0
    cost_nano: int = 0
    estimated_nano: int = 0
    recovered_nano: int = 0
    held_nano: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cached_input_tokens: int = 0
    cache_write_tokens: int = 0  # from here on in the order of TOKEN_KINDS
    cache_write_1h_tokens: int = 0
    reasoning_tokens: int = 0
    audio_input_tokens: int = 0
    audio_output_tokens: int = 0
    image_input_tokens: int = 0
    image_output_tokens: int = 0

    def __add__(self, other: Figures) -> Figures:
        return total((self, other))

    @property
    def average_nano(self) -> int:
        """Cost of a charged request, rounded up."""
        return -(-self.cost_nano // self.requests) if self.requests else 0


def total(figures: Iterable[Figures]) -> Figures:
    """All of them added up."""
    columns = zip(*map(_VALUES, figures), strict=True)
    return Figures(*map(sum, columns))


def figures(
    state: str,
    is_estimated: bool,
    is_lease: bool,
    holds: int,
    cost_nano: int,
    amount_nano: int,
    tokens: Mapping[str, int],
) -> Figures:
    """What `holds` in one state add up to. `is_estimated`: their usage is not what a provider said.

    A lease (budget/leases) is nobody's request: its money counts as held, or spent when nobody told its end.
    """
    requests = 0 if is_lease else holds
    match state:
        case "held":
            return Figures(open_requests=requests, held_nano=amount_nano)
        case "void":
            return Figures(free_requests=requests)
    found = Figures(requests, cost_nano=cost_nano, **tokens)
    if is_estimated or state == "expired":
        found = replace(found, estimated_requests=requests, estimated_nano=cost_nano)
    return replace(found, recovered_nano=cost_nano) if state == "expired" else found


FIGURES = tuple(field.name for field in fields(Figures))
TOKENS = tuple(name for name in FIGURES if name.endswith("_tokens"))
_VALUES = attrgetter(*FIGURES)


@dataclass(frozen=True, slots=True)
class Group:
    """Whose figures: a value for each dimension asked for (empty: none known), and the currency."""

    currency: str
    values: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class UsageQuery:
    """Requests asked in [starts, ends), whose dimensions have one of the values that `where` allows."""

    starts_unix_nano: int
    ends_unix_nano: int
    by: tuple[Dimension, ...] = ()
    where: tuple[tuple[Dimension, tuple[str, ...]], ...] = ()


@dataclass(frozen=True, slots=True)
class Charged:
    """One request that was paid for. `usage` is None when it was charged at its worst case."""

    hold_id: str
    created_unix_nano: int
    state: str  # posted | expired
    currency: str
    cost_nano: int
    payer: Payer
    model: str
    cluster: str
    price: Price | None  # as pinned for `cluster`
    usage: Usage | None
    flags: tuple[str, ...]


class UsageSource(Protocol):
    """A ledger to report on. Reading disturbs nobody who writes it; both calls raise LedgerUnavailable."""

    def count(self) -> int:
        """How many holds there are, roughly: what progress is measured by."""
        ...

    def groups(self, query: UsageQuery, advance: Advance) -> Mapping[Group, Figures]:
        """The sums of each group that has any hold."""
        ...

    def charged(self, query: UsageQuery, advance: Advance) -> Iterator[Charged]:
        """Each charged request, one after the other, in the order of the ledger. `by` is not looked at."""
        ...
