"""Before the money is held: which accounts a request must fit in, and the most it can cost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import lru_cache
from urllib.parse import quote, unquote

from gateway_ext.budget.rules import CREDENTIAL, AccountLine, BudgetRule, BudgetRules, Price, Reservation
from gateway_ext.budget.windows import WINDOWS, window_ends_in_seconds, window_key
from gateway_ext.errors import BudgetMissing, CredentialBudgetUnusable, InternalFailure
from gateway_ext.exchange import Candidate, CredentialBudget, Endpoint, Estimate, Principal, Prompt
from gateway_ext.limits import NANO


@dataclass(frozen=True, slots=True)
class AccountKey:
    """What an account is for. Its text percent-encodes each part (RFC 3986), so no part can pretend to be another.

    The currency is a part because sums of two currencies mean nothing: changing the book's currency opens new accounts.
    """

    currency: str
    window: str
    rule: str
    scope: str
    value: str

    def __str__(self) -> str:
        parts = (self.currency, self.window, self.rule, self.scope, self.value)
        return "/".join(map(_percent_encoded, parts))

    @classmethod
    def parse(cls, key: str) -> AccountKey:
        """The inverse of `str`. Raises ValueError for a text that is no account key."""
        currency, window, rule, scope, value = (unquote(part, errors="surrogatepass") for part in key.split("/"))
        return cls(currency, window, rule, scope, value)


def reservation(
    exchange_id: str,
    principal: Principal,
    model: str,
    estimate: Estimate,
    candidates: Sequence[Candidate],
    rules: BudgetRules,
    now_unix_nano: int,
) -> Reservation:
    """What to ask of the ledger so that any of `candidates` may serve the request. Raises as `lines` does.

    Raises InternalFailure for a candidate without a price, which a loaded policy cannot contain.
    """
    return Reservation(
        id=exchange_id,
        lines=lines(rules, principal, now_unix_nano),
        amount_nano=worst_case(estimate, candidates, rules.prices),
        currency=rules.currency,
        estimate=estimate,
        prices={candidate.cluster: rules.prices[candidate.cluster] for candidate in candidates},
        subject=principal.subject,
        team=principal.team,
        model=model,
        created_unix_nano=now_unix_nano,
        expires_unix_nano=now_unix_nano + rules.hold_ttl_seconds * NANO,
    )


def lines(rules: BudgetRules, principal: Principal, now_unix_nano: int) -> tuple[AccountLine, ...]:
    """The accounts of all rules that match, in policy's order, then that of the credential's own budget.

    Raises BudgetMissing when no rule matches, whatever the credential carries; CredentialBudgetUnusable.
    """
    now_seconds = now_unix_nano // NANO
    found = []
    for rule in rules.budgets:
        value = _scope_value(rule, principal)
        if value and fnmatchcase(value, rule.match):
            window, resets_in_seconds = _window(rule.window, rules.timezone, now_seconds)
            key = str(AccountKey(rules.currency, window, rule.name, rule.scope, value))
            found.append(AccountLine(key, rule.name, rule.limit_nano, resets_in_seconds))
    if not found:
        raise BudgetMissing
    if principal.budget is not None:
        found.append(_own_line(principal.budget, rules, now_seconds))
    return tuple(found)


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


def worst_case(estimate: Estimate, candidates: Sequence[Candidate], prices: Mapping[str, Price]) -> int:
    """The most this request can cost, in nano-units, whichever candidate serves it.

    Raises InternalFailure for a candidate without a price, which a loaded policy cannot contain: what has no price
    must not be used.
    """
    try:
        return max(prices[candidate.cluster].worst_case_nano(estimate) for candidate in candidates)
    except (KeyError, ValueError) as error:
        raise InternalFailure from error


def _own_line(budget: CredentialBudget, rules: BudgetRules, now_seconds: int) -> AccountLine:
    if budget.currency != rules.currency or budget.window not in WINDOWS:
        raise CredentialBudgetUnusable
    window, resets_in_seconds = _window(budget.window, rules.timezone, now_seconds)
    key = str(AccountKey(rules.currency, window, CREDENTIAL, CREDENTIAL, budget.account))
    return AccountLine(key, CREDENTIAL, budget.limit_nano, resets_in_seconds)


@lru_cache(maxsize=64)
def _window(window: str, timezone: str, now_seconds: int) -> tuple[str, int]:
    # No window begins within a second, and a busy gateway asks a thousand times in one.
    now_unix_nano = now_seconds * NANO
    return window_key(window, timezone, now_unix_nano), window_ends_in_seconds(window, timezone, now_unix_nano)


@lru_cache(maxsize=4096)
def _percent_encoded(part: str) -> str:
    return quote(part, safe="", errors="surrogatepass")


def _scope_value(rule: BudgetRule, principal: Principal) -> str:
    """Empty when the principal has no such value: it then matches no rule of this scope."""
    match rule.scope:
        case "user":
            return principal.subject
        case "team":
            return principal.team
    raise InternalFailure  # policy admits these scopes only
