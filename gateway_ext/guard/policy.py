"""What policy says about the Guard, for everybody and for both directions; for one exchange it becomes GuardRules."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from gateway_ext.conditions.facts import Facts, nothing_known
from gateway_ext.exchange import Principal
from gateway_ext.guard.catalog import ROLES
from gateway_ext.guard.rules import Direction, GuardRules, Override

FactsOf = Callable[[], Facts]
"""What conditions may ask about a request. Asked for once at most, and only where an override has a condition."""

ANSWER_ROLE = "assistant"
_ANSWER_ROLES = frozenset({ANSWER_ROLE})


@dataclass(frozen=True, slots=True)
class Allowance:
    """A value, known by its fingerprint alone, that is no finding: a test account, a public hotline."""

    detector: str
    fingerprint: str
    teams: frozenset[str] = frozenset()  # empty: everybody
    until_unix_nano: int | None = None


@dataclass(frozen=True, slots=True)
class GuardPolicy:
    """The rules for everybody, before `overrides` and `allowances`: for requests, and for answers.

    `inspects_responses`: whether answers are read for everything; if not, only for what the request itself asks for:
    pseudonyms to restore, canaries to look for.
    """

    request: GuardRules
    response: GuardRules
    overrides: tuple[Override, ...] = ()
    allowances: tuple[Allowance, ...] = ()
    inspects_responses: bool = False

    def for_request(
        self,
        principal: Principal,
        tiers: frozenset[str],
        now_unix_nano: int,
        facts: FactsOf = nothing_known,
        *,
        can_restore: bool = True,
    ) -> GuardRules:
        """The rules for what a caller sends to a model deployed in `tiers`. Raises ConditionFailed."""
        rules = self._for(self.request, principal, tiers, now_unix_nano, facts, Direction.REQUEST)
        return rules if can_restore else replace(rules, can_restore=False)

    def for_response(
        self, principal: Principal, tiers: frozenset[str], now_unix_nano: int, facts: FactsOf = nothing_known
    ) -> GuardRules:
        """The rules for what such a model answers. Raises ConditionFailed."""
        return self._for(self.response, principal, tiers, now_unix_nano, facts, Direction.RESPONSE)

    def _for(
        self,
        rules: GuardRules,
        principal: Principal,
        tiers: frozenset[str],
        now_unix_nano: int,
        facts: FactsOf,
        direction: Direction,
    ) -> GuardRules:
        if not (self.overrides or self.allowances):
            return rules
        allowed = {
            (allowance.detector, allowance.fingerprint)
            for allowance in self.allowances
            if (not allowance.teams or principal.team in allowance.teams)
            and (allowance.until_unix_nano is None or now_unix_nano < allowance.until_unix_nano)
        }
        overrides = [one for one in self.overrides if one.scope.covers(principal, tiers, direction)]
        if any(one.when for one in overrides):
            known = facts()
            overrides = [one for one in overrides if one.when is None or one.when.holds(known)]
        return replace(rules, overrides=(*rules.overrides, *overrides), allowed=frozenset(allowed))


def rules_for_answers(request: GuardRules, changes: Override) -> GuardRules:
    """Those for requests with `changes`. There is nobody to restore a pseudonym for: such values are redacted."""
    return replace(
        request,
        overrides=(changes,),
        classifiers=frozenset(name for name in request.classifiers if ANSWER_ROLE in ROLES.get(name, _ANSWER_ROLES)),
        can_restore=False,
    )
