"""Whom a rule concerns: the value of its scope for a caller, and the models it is for; and how keys name them."""

from __future__ import annotations

from collections.abc import Iterable
from fnmatch import fnmatchcase
from functools import lru_cache
from typing import assert_never
from urllib.parse import quote

from gateway_ext.budget.rules import BudgetRules, Scope
from gateway_ext.exchange import Principal


def scope_value(scope: Scope, principal: Principal, rules: BudgetRules, agent_run: str = "") -> str:
    """Empty when the principal has no such value: it then matches no rule of this scope.

    `agent_run` is the caller's own word. It is told apart by who says it, so that nobody can spend of another's run.
    """
    match scope:
        case Scope.ORGANISATION:
            return rules.organisation
        case Scope.BUSINESS_UNIT:
            return rules.business_units.get(principal.team, "")
        case Scope.TEAM:
            return principal.team
        case Scope.PROJECT:
            return principal.project
        case Scope.APPLICATION:
            return principal.application
        case Scope.USER:
            return principal.subject
        case Scope.CREDENTIAL:
            return principal.credential_id
        case Scope.AGENT_RUN:
            return run_value(principal, agent_run) if agent_run else ""
    assert_never(scope)


def run_value(principal: Principal, agent_run: str) -> str:
    """`SUBJECT/RUN`; ids of runs have no slash."""
    return f"{principal.subject}/{agent_run}"


def concerns(patterns: Iterable[str], model: str) -> bool:
    """Whether a rule for models like `patterns` (none: any) is one for `model`."""
    patterns = tuple(patterns)
    return not patterns or any(fnmatchcase(model, pattern) for pattern in patterns)


@lru_cache(maxsize=4096)
def percent_encoded(part: str) -> str:
    """A part of a key (RFC 3986): none can pretend to be several, or another."""
    return quote(part, safe="", errors="surrogatepass")
