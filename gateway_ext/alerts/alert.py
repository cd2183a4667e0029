"""What is told about a budget, and how it reads as JSON and in words. No text of a request, no credential."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any

from gateway_ext.limits import NANO

SCHEMA_VERSION = 1


class Kind(StrEnum):
    THRESHOLD = "threshold"  # so much of the limit has been spent
    FORECAST = "forecast"  # at the rate so far the limit is passed before the period ends
    TEST = "test"  # nothing has happened


@dataclass(frozen=True, slots=True)
class Alert:
    """Amounts are nano-units of `currency`, times nanoseconds since 1970.

    `account` names budget and period. `limit_nano` is what may be spent in it: policy's amount, what the period before
    left (`carried_nano`) and what was granted on top (`topped_up_nano`). `held_nano` comes on top of `posted_nano`: the
    most that requests under way can cost. `exceeded_unix_nano`: when a forecast sees the limit passed.
    """

    kind: Kind
    account: str
    budget: str
    scope: str
    value: str
    model: str
    period: str
    currency: str
    threshold_percent: int
    limit_nano: int
    carried_nano: int
    topped_up_nano: int
    posted_nano: int
    held_nano: int
    is_hard: bool
    told_unix_nano: int
    ends_unix_nano: int | None = None
    exceeded_unix_nano: int | None = None
    is_rolling: bool = False

    @property
    def id(self) -> str:
        """The same whenever the same is told, so that receivers can tell repeats from news."""
        when = self.told_unix_nano if self.is_rolling else 0
        said = f"{self.account}\n{self.kind}\n{self.threshold_percent}\n{when}"
        return hashlib.sha256(said.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def document(alerts: Sequence[Alert]) -> Mapping[str, Any]:
    """As webhooks send it. Amounts are decimal texts in units of the currency, times RFC 3339."""
    return {"schema_version": SCHEMA_VERSION, "source": "gateway-ext", "alerts": [_entry(alert) for alert in alerts]}


def _entry(alert: Alert) -> dict[str, Any]:
    return {
        "id": alert.id,
        "kind": alert.kind,
        "budget": alert.budget,
        "scope": alert.scope,
        "value": _valid(alert.value),
        "model": alert.model,
        "period": alert.period,
        "period_ends": _time(alert.ends_unix_nano),
        "hard": alert.is_hard,
        "threshold_percent": alert.threshold_percent,
        "currency": alert.currency,
        "limit": amount(alert.limit_nano),
        "carried": amount(alert.carried_nano),
        "topped_up": amount(alert.topped_up_nano),
        "posted": amount(alert.posted_nano),
        "posted_and_held": amount(alert.posted_nano + alert.held_nano),
        "exceeded_at": _time(alert.exceeded_unix_nano),
        "told_at": _time(alert.told_unix_nano),
    }


def sentence(alert: Alert) -> str:
    """One line of printable text."""
    if alert.kind is Kind.TEST:
        return "This is a test: no budget has reached anything."
    whose = f"{alert.budget}, {alert.scope} {_printable(alert.value)}"
    whose += f", {_printable(alert.model)}" if alert.model else ""
    both = (
        f"{amount(alert.posted_nano)} of {amount(alert.limit_nano)} {alert.currency} spent,"
        f" {amount(alert.posted_nano + alert.held_nano)} with what is held for requests under way"
    )
    if alert.kind is Kind.FORECAST:
        return f"{whose}: will pass its limit on {_time(alert.exceeded_unix_nano)} at the present rate ({both}; {alert.period})"
    return f"{whose}: has reached {alert.threshold_percent} % ({both}; {alert.period})"


def amount(nano: int) -> str:
    """Nano-units as an exact decimal in units."""
    return f"{Decimal(nano) / NANO:f}"


def _time(unix_nano: int | None) -> str | None:
    if unix_nano is None:
        return None
    return datetime.fromtimestamp(unix_nano // NANO, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _printable(text: str) -> str:
    return "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in text)


def _valid(text: str) -> str:
    """Without lone surrogates, which JSON in UTF-8 cannot carry."""
    return text.encode("utf-8", "replace").decode()
