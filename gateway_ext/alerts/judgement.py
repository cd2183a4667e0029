"""When is something to be told about a budget? Pure: what was spent, what was told before, and the time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from gateway_ext.alerts.alert import Alert, Kind
from gateway_ext.alerts.rules import BudgetAlerts

FORECAST_PERCENT_MIN = 10  # of a period must be over: the rate of a first hour says nothing about a month


class Told(NamedTuple):
    """What an account was last told of: the highest threshold, and when."""

    threshold_percent: int
    unix_nano: int


Memory = Mapping[tuple[Kind, str], Told]
"""By kind and account."""


@dataclass(frozen=True, slots=True)
class Standing:
    """One budget in one period, as it stands at `at_unix_nano`; see Alert for the meaning of the amounts.

    `length_nano` is that of a rolling window, 0 for others: its thresholds are told again, once in its length.
    """

    account: str
    limit_nano: int
    posted_nano: int
    held_nano: int
    carried_nano: int
    topped_up_nano: int
    at_unix_nano: int
    begins_unix_nano: int | None
    ends_unix_nano: int | None
    length_nano: int = 0


@dataclass(frozen=True, slots=True)
class Names:
    """What a budget and its period are called."""

    budget: str
    scope: str
    value: str
    model: str
    period: str
    currency: str
    is_hard: bool


def posted_nano_min(
    rules: BudgetAlerts, limit_nano: int, at_unix_nano: int, begins_unix_nano: int | None, ends_unix_nano: int | None
) -> int | None:
    """Who has spent less of `limit_nano` cannot be told of anything; None: nobody can.

    What was carried over or granted only raises a limit, so that policy's amount alone will do.
    """
    wanted = [-(-threshold * limit_nano // 100) for threshold in rules.thresholds]
    if rules.forecast and begins_unix_nano is not None and ends_unix_nano is not None:
        passed_nano = max(0, at_unix_nano - begins_unix_nano)
        wanted.append(limit_nano * passed_nano // (ends_unix_nano - begins_unix_nano))
    return max(1, min(wanted)) if wanted else None


def due(standing: Standing, rules: BudgetAlerts, told: Memory) -> list[tuple[Kind, int]]:
    """What to tell now: kind and threshold. Of several thresholds passed at once only the highest: it implies the others."""
    found = []
    reached = _reached(standing, rules.thresholds)
    if reached and reached > _last(standing, Kind.THRESHOLD, told):
        found.append((Kind.THRESHOLD, reached))
    if rules.forecast and not _last(standing, Kind.FORECAST, told) and exceeded_unix_nano(standing) is not None:
        found.append((Kind.FORECAST, 100))
    return found


def exceeded_unix_nano(standing: Standing) -> int | None:
    """When the limit is passed if spending goes on as it has since the period began; None: not before it ends, or already."""
    begins, ends = standing.begins_unix_nano, standing.ends_unix_nano
    if begins is None or ends is None or not 0 < standing.posted_nano < standing.limit_nano:
        return None
    passed_nano = standing.at_unix_nano - begins
    if passed_nano * 100 < FORECAST_PERCENT_MIN * (ends - begins):
        return None
    exceeded = begins + passed_nano * standing.limit_nano // standing.posted_nano
    return exceeded if exceeded < ends else None


def _reached(standing: Standing, thresholds: Sequence[int]) -> int:
    """The highest threshold that what was posted has reached; 0: none."""
    if standing.posted_nano <= 0:
        return 0
    return max((each for each in thresholds if standing.posted_nano * 100 >= each * standing.limit_nano), default=0)


def _last(standing: Standing, kind: Kind, told: Memory) -> int:
    known = told.get((kind, standing.account))
    if known is None:
        return 0
    # A clock that was ahead for a while must not keep a rolling budget silent until then.
    if standing.length_nano and abs(standing.at_unix_nano - known.unix_nano) >= standing.length_nano:
        return 0
    return known.threshold_percent


def alert(standing: Standing, names: Names, kind: Kind, threshold_percent: int, now_unix_nano: int) -> Alert:
    """What is told at this moment."""
    return Alert(
        kind=kind,
        account=standing.account,
        budget=names.budget,
        scope=names.scope,
        value=names.value,
        model=names.model,
        period=names.period,
        currency=names.currency,
        threshold_percent=threshold_percent,
        limit_nano=standing.limit_nano,
        carried_nano=standing.carried_nano,
        topped_up_nano=standing.topped_up_nano,
        posted_nano=standing.posted_nano,
        held_nano=standing.held_nano,
        is_hard=names.is_hard,
        told_unix_nano=now_unix_nano,
        ends_unix_nano=standing.ends_unix_nano,
        exceeded_unix_nano=exceeded_unix_nano(standing) if kind is Kind.FORECAST else None,
        is_rolling=bool(standing.length_nano),
    )
