"""Money granted on top of a budget for a while, and ended early: checked against policy, recorded, then in the ledger."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from fnmatch import fnmatchcase
from zoneinfo import ZoneInfo

from gateway_ext import limits
from gateway_ext.administration.actor import Actor
from gateway_ext.administration.known_names import UnknownNameError
from gateway_ext.administration.recording import record_durably
from gateway_ext.audit.events import EventName
from gateway_ext.audit.records import OrderRecord
from gateway_ext.budget.reserve import AccountKey
from gateway_ext.budget.rules import BudgetRule, BudgetRules, Scope, TopUp
from gateway_ext.budget.settle import TOP_UP_NANO_MAX
from gateway_ext.clock import SystemClock
from gateway_ext.errors import ConfigurationError, InternalFailure, LedgerUnavailable
from gateway_ext.limits import NANO
from gateway_ext.policy.problems import suggestion
from gateway_ext.policy.snapshot import Snapshot
from gateway_ext.ports import Ledger, Spending
from gateway_ext.settings import Settings

YEAR_MAX = 2200  # nanoseconds since 1970 end in 2262


@dataclass(frozen=True, slots=True)
class Order:
    """What is asked for: so much for one account of a budget, until the end of a day in the budget's time zone.

    `value` is the user, team, … as budgets.yaml's `scope` says, `model` that of a budget with an account for each.
    """

    rule: str
    value: str
    amount_nano: int
    last_day: date
    reason: str
    model: str = ""


class TopUpInvalid(ConfigurationError):  # noqa: N818  (an answer to whoever asks, as a Refusal is)
    """An order that cannot be followed. `field` is the one of Order that has to be another."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


async def checked(order: Order, snapshot: Snapshot, spending: Spending, *, unknown: bool = False) -> TopUp:
    """The top-up, from now on, without its actor. Raises TopUpInvalid saying what is wrong, LedgerUnavailable.

    A name that nobody has spent under is taken for a mistake (UnknownNameError), unless `unknown`.
    """
    rules = snapshot.budget
    rule = next((each for each in rules.budgets if each.name == order.rule), None)
    if rule is None:
        known = [each.name for each in rules.budgets]
        raise TopUpInvalid("rule", f"budgets.yaml has no budget '{order.rule}'{suggestion(order.rule, known)}")
    _require_model(order, rule, snapshot)
    _require_line("reason", order.reason, limits.STANDING_REASON_CHARACTERS_MAX)
    _require_line("value", order.value, limits.STANDING_VALUE_CHARACTERS_MAX)
    key = AccountKey(rules.currency, "", rule.name, rule.scope, order.value, order.model)
    if not unknown:
        await _require_known(order, rule, rules, spending)
    clock = SystemClock()
    now_unix_nano = clock.now_unix_nano()
    ends_unix_nano = _end_of(order.last_day, rule.window.timezone)
    if ends_unix_nano <= now_unix_nano:
        raise TopUpInvalid("last_day", f"{order.last_day} is over; give the last day on which the money may be spent")
    if not 0 < order.amount_nano <= TOP_UP_NANO_MAX:
        raise TopUpInvalid("amount", f"an amount is more than 0 and at most {TOP_UP_NANO_MAX // NANO}")
    budget = f"{rules.currency}/{key.budget}"
    return TopUp(clock.new_id(), budget, order.amount_nano, now_unix_nano, ends_unix_nano, "", order.reason)


async def grant(settings: Settings, top_up: TopUp, by: Actor, ledger: Ledger) -> TopUp:
    """Have it recorded, then in force; as it is then. Idempotent by its id.

    Raises ConfigurationError; then nothing has changed.
    """
    granted = replace(top_up, actor=by.name)
    await asyncio.to_thread(record_durably, settings, _record(EventName.TOPUP_GRANTED, top_up, by))
    try:
        await ledger.top_up(granted)
    except (LedgerUnavailable, InternalFailure) as error:
        # The trail already says that it was granted: it must say, too, that it did not come to be.
        await asyncio.to_thread(record_durably, settings, _record(EventName.TOPUP_FAILED, top_up, by))
        raise ConfigurationError(
            f"the ledger did not take the top-up ({error.code}); the trail has it as failed; try again"
        ) from error
    return granted


async def end(
    settings: Settings, top_up_id: str, reason: str, by: Actor, ledger: Ledger, spending: Spending
) -> TopUp | None:
    """Have it recorded, then ended now; what was spent or held of it stays so. None when there is none that has not ended.

    Raises ConfigurationError and LedgerUnavailable; then nothing has changed.
    """
    now_unix_nano = SystemClock().now_unix_nano()
    found = next((each for each in await spending.top_ups(now_unix_nano) if each.id == top_up_id), None)
    if found is None:
        return None
    _require_line("reason", reason, limits.STANDING_REASON_CHARACTERS_MAX)
    ended = replace(found, ends_unix_nano=now_unix_nano, reason=reason)
    await asyncio.to_thread(record_durably, settings, _record(EventName.TOPUP_ENDED, ended, by))
    try:
        await ledger.end_top_up(top_up_id, now_unix_nano)
    except LedgerUnavailable as error:
        await asyncio.to_thread(record_durably, settings, _record(EventName.TOPUP_FAILED, ended, by))
        raise ConfigurationError(
            f"the ledger did not end the top-up ({error.code}); the trail has it as failed; try again"
        ) from error
    return replace(found, ends_unix_nano=now_unix_nano)


def amount_nano(text: str) -> int:
    """A plain decimal number of units as nano-units, exactly. Raises TopUpInvalid."""
    try:
        amount = Decimal(text) if text.isascii() and set(text) <= set("0123456789.") else Decimal("NaN")
        if amount.is_finite() and int(amount.as_tuple().exponent) >= -9 and amount < 10**18:
            return int(amount * NANO)
    except InvalidOperation:
        pass
    raise TopUpInvalid(
        "amount", f"'{text[:40]}' is no amount; write units of the currency with at most 9 decimals, such as 12.50"
    )


def _require_model(order: Order, rule: BudgetRule, snapshot: Snapshot) -> None:
    if not rule.per_model:
        if order.model:
            raise TopUpInvalid("model", f"'{rule.name}' has one account for all models; leave out the model")
        return
    if order.model not in snapshot.routing.models:
        known = suggestion(order.model, snapshot.routing.models)
        raise TopUpInvalid("model", f"'{rule.name}' has an account for each model; name one of models.yaml{known}")


async def _require_known(order: Order, rule: BudgetRule, rules: BudgetRules, spending: Spending) -> None:
    value = order.value
    if not fnmatchcase(value, rule.match):
        raise UnknownNameError(f"'{rule.name}' is for '{rule.match}' only, so this would grant nothing to '{value}'")
    match rule.scope:
        case Scope.ORGANISATION:
            is_known = value == rules.organisation
        case Scope.BUSINESS_UNIT:
            is_known = value in rules.business_units.values()
        case _:
            is_known = rule.scope is Scope.TEAM and value in rules.business_units
    if is_known or await spending.has_account(rule.name, AccountKey("", "", rule.name, rule.scope, value).budget):
        return
    raise UnknownNameError(f"no {rule.scope} '{value}' has ever used '{rule.name}', so the name may be mistyped")


def _end_of(day: date, timezone: str) -> int:
    if day.year > YEAR_MAX:
        raise TopUpInvalid("last_day", f"{day} is too far away; the last year is {YEAR_MAX}")
    following = day + timedelta(days=1)
    midnight = datetime(following.year, following.month, following.day, tzinfo=ZoneInfo(timezone))
    return int(midnight.timestamp()) * NANO


def _record(name: EventName, top_up: TopUp, by: Actor) -> OrderRecord:
    return OrderRecord(
        name=name,
        scope="budget",
        value=top_up.budget,
        issuer="",
        actor=by.name,
        user=by.user,
        reason=top_up.reason,
        expires_unix_nano=top_up.ends_unix_nano,
        actor_issuer=by.issuer,
        amount_nano=top_up.amount_nano,
        currency=top_up.budget.partition("/")[0],
    )


def _require_line(field: str, text: str, characters_max: int) -> None:
    if not text.strip() or not text.isprintable() or len(text) > characters_max:
        raise TopUpInvalid(field, f"the {field} must be one line of 1 to {characters_max} printable characters")
