"""Before the money is held: which accounts a request must fit in, and the most it can cost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from functools import lru_cache
from urllib.parse import unquote

from gateway_ext.budget.prices import Price, price_at
from gateway_ext.budget.quota_lines import quota_lines
from gateway_ext.budget.rules import CREDENTIAL, AccountLine, BudgetRule, BudgetRules, Payer, Reservation, Scope
from gateway_ext.budget.scopes import concerns, percent_encoded, run_value, scope_value
from gateway_ext.budget.windows import Calendar, Period, Window, period
from gateway_ext.errors import (
    AgentRunMissing,
    BudgetExhausted,
    BudgetMissing,
    CredentialBudgetUnusable,
    InternalFailure,
)
from gateway_ext.exchange import Candidate, CredentialBudget, Endpoint, Estimate, Principal, Prompt
from gateway_ext.limits import NANO
from gateway_ext.quota import Unit

_COUNT_REQUESTS = frozenset({Unit.REQUESTS, Unit.CONCURRENT})
_FREE = Price(input_rate=0, output_rate=0, cached_input_rate=0)
_OF_CREDENTIALS = frozenset(Calendar) - {Calendar.ROLLING}
RETRY_AFTER_SECONDS_MAX = 24 * 3600  # a client told to wait for weeks would look hung; beyond a day we promise nothing


@dataclass(frozen=True, slots=True)
class AccountKey:
    """What an account is for. Its text percent-encodes each part (RFC 3986), so no part can pretend to be another.

    The currency is a part because sums of two currencies mean nothing: changing the book's currency opens new accounts.
    `model` is that of an account for each model, else "".
    """

    currency: str
    window: str
    rule: str
    scope: str
    value: str
    model: str = ""

    def __str__(self) -> str:
        return f"{percent_encoded(self.currency)}/{percent_encoded(self.window)}/{self.budget}"

    @property
    def budget(self) -> str:
        """What it is for in all periods."""
        return _budget(self.rule, self.scope, self.value, self.model)

    @classmethod
    def parse(cls, key: str) -> AccountKey:
        """The inverse of `str`. Raises ValueError for a text that is no account key."""
        parts = [unquote(part, errors="surrogatepass") for part in key.split("/")]
        if len(parts) not in (5, 6):
            raise ValueError("not an account key")
        return cls(*parts)


def reservation(
    exchange_id: str,
    principal: Principal,
    model: str,
    estimate: Estimate,
    candidates: Sequence[Candidate],
    rules: BudgetRules,
    now_unix_nano: int,
    agent_run: str = "",
) -> Reservation:
    """What to ask of the ledger so that any of `candidates` may serve the request, at the prices of this moment.

    Raises BudgetMissing, AgentRunMissing; InternalFailure for a candidate without a price, which a loaded policy cannot contain.
    """
    prices = prices_now(candidates, rules, now_unix_nano)
    amount_nano = worst_case(estimate, prices)
    return Reservation(
        id=exchange_id,
        lines=lines(rules, principal, model, now_unix_nano, agent_run),
        amount_nano=amount_nano,
        currency=rules.currency,
        estimate=estimate,
        prices=prices,
        payer=payer(principal, rules, agent_run),
        model=model,
        created_unix_nano=now_unix_nano,
        expires_unix_nano=now_unix_nano + rules.hold_ttl_seconds * NANO,
        quotas=quota_lines(rules, principal, model, estimate, amount_nano, agent_run) if rules.quotas else (),
    )


def reservation_of_nothing(
    exchange_id: str,
    principal: Principal,
    model: str,
    candidates: Sequence[Candidate],
    rules: BudgetRules,
    now_unix_nano: int,
    agent_run: str = "",
) -> Reservation:
    """For a request that costs nothing whoever answers it: it still needs a budget, and counts as a request.

    Raises as `reservation`.
    """
    asked = reservation(exchange_id, principal, model, Estimate(0, 0), candidates, rules, now_unix_nano, agent_run)
    return replace(
        asked,
        amount_nano=0,
        prices=dict.fromkeys(asked.prices, _FREE),
        quotas=tuple(line for line in asked.quotas if line.unit in _COUNT_REQUESTS),
    )


def payer(principal: Principal, rules: BudgetRules, agent_run: str = "") -> Payer:
    """Whom reports charge."""
    return Payer(
        subject=principal.subject,
        team=principal.team,
        business_unit=rules.business_units.get(principal.team, ""),
        project=principal.project,
        application=principal.application,
        environment=principal.environment,
        cost_center=principal.cost_center,
        credential_id=principal.credential_id,
        agent_run=agent_run,
    )


def lines(
    rules: BudgetRules, principal: Principal, model: str, now_unix_nano: int, agent_run: str = ""
) -> tuple[AccountLine, ...]:
    """The accounts of all rules that match, in policy's order, then that of the credential's own budget.

    Raises BudgetMissing when no hard rule matches, whatever the credential carries: a soft budget alone would let anybody
    spend anything. A run's does not count: its caller names as many runs as they like. Raises AgentRunMissing,
    CredentialBudgetUnusable.
    """
    found, is_bounded = [], False
    for rule in rules.budgets:
        value = scope_value(rule.scope, principal, rules, agent_run)
        if value and fnmatchcase(value, rule.match) and concerns(rule.models, model):
            found.append(_line(rule, value, model, rules.currency, period(rule.window, now_unix_nano)))
            is_bounded = is_bounded or (rule.is_hard and rule.scope is not Scope.AGENT_RUN)
        elif rule.is_required and not agent_run and _would_match(rule, principal, model):
            raise AgentRunMissing
    if not is_bounded:
        raise BudgetMissing
    if principal.budget is not None:
        found.append(_own_line(principal.budget, rules, now_unix_nano))
    return tuple(found)


def _would_match(rule: BudgetRule, principal: Principal, model: str) -> bool:
    """Whether it is for the runs of this caller, however they are called."""
    return fnmatchcase(run_value(principal, ""), rule.match) and concerns(rule.models, model)


def exhausted(line: AccountLine, room: tuple[int, str] | None = None) -> BudgetExhausted:
    """The refusal for want of room on `line`. `room`: the least in nano-units that a hard line has left, and its rule."""
    seconds = line.resets_in_seconds
    refusal = BudgetExhausted(
        f"{line.title} has no room for the most that this request can cost. A lower max_tokens needs less.",
        retry_after_seconds=seconds if seconds is not None and seconds <= RETRY_AFTER_SECONDS_MAX else None,
    )
    refusal.room_nano, refusal.rule = (max(0, room[0]), room[1]) if room else (None, line.rule)
    return refusal


@lru_cache(maxsize=4096)
def _budget(rule: str, scope: str, value: str, model: str) -> str:
    """As AccountKey.budget."""
    parts = (rule, scope, value, model)
    return "/".join(map(percent_encoded, parts if model else parts[:-1]))


def _line(rule: BudgetRule, value: str, model: str, currency: str, now: Period) -> AccountLine:
    budget = _budget(rule.name, rule.scope, value, model if rule.per_model else "")
    prefix = percent_encoded(currency)
    return AccountLine(
        key=f"{prefix}/{percent_encoded(now.key)}/{budget}",
        rule=rule.name,
        limit_nano=rule.limit_nano,
        resets_in_seconds=now.ends_in_seconds,
        budget=f"{prefix}/{budget}",
        is_hard=rule.is_hard,
        others=tuple(f"{prefix}/{each}/{budget}" for each in now.others),
        before=f"{prefix}/{now.before}/{budget}" if rule.carries_max_nano and now.before else "",
        carries_max_nano=rule.carries_max_nano,
    )


def estimate(prompt: Prompt, output_tokens_max: int) -> Estimate:
    """Upper bounds of a request's tokens. `output_tokens_max` is the model's, per choice, for callers that set none.

    What costs tokens without bytes, as an image at a URL does, counts by the bounds of limits.py.
    """
    input_tokens = prompt.body_bytes + sum(each.extra_tokens for each in prompt.attachments)
    if prompt.endpoint is Endpoint.EMBEDDINGS:
        return Estimate(input_tokens=input_tokens, output_tokens=0)
    asked = prompt.output_tokens_asked  # already for all choices
    # Zero and below mean "no maximum" to some model servers.
    output_tokens = asked if asked is not None and asked > 0 else output_tokens_max * prompt.choices
    return Estimate(input_tokens=input_tokens, output_tokens=output_tokens)


def prices_now(candidates: Sequence[Candidate], rules: BudgetRules, now_unix_nano: int) -> Mapping[str, Price]:
    """The price of each candidate's deployment in force now, by cluster. What has none must not be used: InternalFailure."""
    prices: dict[str, Price] = {}
    for candidate in candidates:
        schedule = rules.prices.get(candidate.cluster)
        price = price_at(schedule, now_unix_nano) if schedule else None
        if price is None:
            raise InternalFailure
        prices[candidate.cluster] = price
    return prices


def worst_case(estimate: Estimate, prices: Mapping[str, Price]) -> int:
    """The most this request can cost, in nano-units, whichever of the deployments serves it.

    Raises InternalFailure when there is none.
    """
    try:
        return max([price.worst_case_nano(estimate) for price in prices.values()])
    except ValueError as error:
        raise InternalFailure from error


def _own_line(budget: CredentialBudget, rules: BudgetRules, now_unix_nano: int) -> AccountLine:
    if budget.currency != rules.currency or budget.window not in _OF_CREDENTIALS:
        raise CredentialBudgetUnusable
    now = period(Window(Calendar(budget.window), rules.timezone), now_unix_nano)
    key = AccountKey(rules.currency, now.key, CREDENTIAL, CREDENTIAL, budget.account)
    own = f"{percent_encoded(rules.currency)}/{key.budget}"
    return AccountLine(str(key), CREDENTIAL, budget.limit_nano, now.ends_in_seconds, own)
