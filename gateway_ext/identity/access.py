"""Who may use which model, at which endpoint, in which tiers. Default deny; rules only ever add."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache, lru_cache
from operator import attrgetter

from gateway_ext.conditions.condition import Condition
from gateway_ext.conditions.facts import Facts, access_facts
from gateway_ext.errors import EndpointNotAllowed, ModelNotAllowed, PurposeNotAllowed, TierNotAllowed
from gateway_ext.exchange import Candidate, CredentialClass, Endpoint, Principal

FactsAt = Callable[[Endpoint], Facts]
"""What conditions may ask about a request, by its endpoint. Asked for only where a rule has a condition."""


@dataclass(frozen=True, slots=True)
class AccessRule:
    """Whoever meets all conditions may use `models` (shell-style patterns), at `endpoints` and in `tiers` only.

    Empty: any. `purposes` are met by a caller with one of them, so by no caller without a purpose.
    """

    name: str
    models: tuple[str, ...]
    groups: frozenset[str] = frozenset()
    teams: frozenset[str] = frozenset()
    subjects: frozenset[str] = frozenset()
    credential_classes: frozenset[CredentialClass] = frozenset()
    environments: frozenset[str] = frozenset()
    applications: frozenset[str] = frozenset()
    projects: frozenset[str] = frozenset()
    purposes: frozenset[str] = frozenset()
    endpoints: frozenset[Endpoint] = frozenset()
    tiers: frozenset[str] = frozenset()
    when: Condition | None = None

    def serves(self, endpoint: Endpoint) -> bool:
        return not self.endpoints or endpoint in self.endpoints

    def fits(self, purpose: str) -> bool:
        return not self.purposes or purpose in self.purposes

    def holds(self, endpoint: Endpoint, facts_at: FactsAt) -> bool:
        """Raises ConditionFailed."""
        return self.when is None or self.when.holds(facts_at(endpoint))

    def reaches(self, deployment: Candidate, facts_at: FactsAt) -> bool:
        """Whether it grants `deployment` at any endpoint that reaches it. Raises ConditionFailed."""
        endpoints = self.endpoints or _ENDPOINTS
        return (not self.tiers or deployment.tier in self.tiers) and any(
            deployment.wire(endpoint) and self.holds(endpoint, facts_at) for endpoint in endpoints
        )


@dataclass(frozen=True, slots=True)
class Grant:
    """What all matching rules grant together. `rules` are their names, in policy's order; `tiers` None: all."""

    rules: tuple[str, ...]
    tiers: frozenset[str] | None

    def within(self, deployments: tuple[Candidate, ...]) -> tuple[Candidate, ...]:
        """Those of `deployments` that are granted; never empty. Raises TierNotAllowed."""
        if self.tiers is None:
            return deployments
        granted = tuple(each for each in deployments if each.tier in self.tiers)
        if not granted:
            raise TierNotAllowed(param="model")
        return granted


class AccessTable:
    """All rules, arranged by what they are about: a request looks at those few that could match it."""

    def __init__(self, rules: Sequence[AccessRule]) -> None:
        def about(model: str) -> _RulesAboutModel:
            return _RulesAboutModel(
                (position, rule)
                for position, rule in enumerate(rules)
                if any(fnmatchcase(model, pattern) for pattern in rule.models)
            )

        self._about = lru_cache(_MODELS_KEPT)(about)

    def grant(self, principal: Principal, model: str, endpoint: Endpoint, now_unix_nano: int) -> Grant:
        """What `principal` may use of `model` at `endpoint`. A credential can only narrow what rules grant.

        Raises ModelNotAllowed; EndpointNotAllowed or PurposeNotAllowed when that alone is in the way; ConditionFailed.
        """
        endpoint = endpoint.about
        facts_at = _facts_at(principal, model, now_unix_nano)
        met = [rule for rule in self._met(principal, model) if rule.holds(endpoint, facts_at)]
        fitting = [rule for rule in met if rule.fits(principal.purpose)]
        granting = [rule for rule in fitting if rule.serves(endpoint)]
        if not granting:
            if fitting:
                raise EndpointNotAllowed(param="model")
            if any(rule.serves(endpoint) for rule in met):
                raise PurposeNotAllowed(param="model")
            raise ModelNotAllowed(param="model")
        tiers = None if any(not rule.tiers for rule in granting) else frozenset().union(*(r.tiers for r in granting))
        return Grant(tuple(rule.name for rule in granting), tiers)

    def usable(
        self, principal: Principal, model: str, deployments: Iterable[Candidate], now_unix_nano: int
    ) -> tuple[Candidate, ...]:
        """Those of `deployments`, which serve `model`, that `principal` may use at some endpoint. Raises ConditionFailed."""
        facts_at = _facts_at(principal, model, now_unix_nano)
        granting = [rule for rule in self._met(principal, model) if rule.fits(principal.purpose)]
        return tuple(each for each in deployments if any(rule.reaches(each, facts_at) for rule in granting))

    def _met(self, principal: Principal, model: str) -> list[AccessRule]:
        """The rules about `model` whose lists `principal` meets, purposes aside."""
        if principal.models is not None and not any(fnmatchcase(model, pattern) for pattern in principal.models):
            return []
        return self._about(model).met_by(principal)


class _RulesAboutModel:
    """Each stands where it is found by one thing that it asks of a caller."""

    def __init__(self, rules: Iterable[tuple[int, AccessRule]]) -> None:
        self._for_anyone: list[tuple[int, AccessRule]] = []
        arranged: dict[str, dict[str, list[tuple[int, AccessRule]]]] = {condition: {} for condition in _ARRANGED_BY}
        for position, rule in rules:
            condition = next((each for each in _ARRANGED_BY if getattr(rule, each)), None)
            if condition is None:
                self._for_anyone.append((position, rule))
            else:
                for value in getattr(rule, condition):
                    arranged[condition].setdefault(value, []).append((position, rule))
        self._for_groups = arranged.pop("groups")
        self._for_one = [(attrgetter(_ARRANGED_BY[each]), found) for each, found in arranged.items() if found]

    def met_by(self, principal: Principal) -> list[AccessRule]:
        """In policy's order."""
        found = list(self._for_anyone)
        for value_of, by_value in self._for_one:
            found += by_value.get(value_of(principal), ())
        for group in self._for_groups.keys() & principal.groups:
            found += self._for_groups[group]
        met = {position: rule for position, rule in found if _meets(principal, rule)}
        return [met[position] for position in sorted(met)]


_ENDPOINTS = frozenset(Endpoint) - {Endpoint.MODELS, Endpoint.COUNT_TOKENS}
_MODELS_KEPT = 1024  # arrangements; only models of policy are asked for
# Conditions of a rule that few callers meet, the most telling first, and what of a principal they are about.
_ARRANGED_BY = {
    "subjects": "subject",
    "groups": "groups",
    "teams": "team",
    "applications": "application",
    "projects": "project",
}


def _facts_at(principal: Principal, model: str, now_unix_nano: int) -> FactsAt:
    return cache(lambda endpoint: access_facts(principal, model, endpoint, now_unix_nano))


def _meets(principal: Principal, rule: AccessRule) -> bool:
    return (
        (not rule.groups or not rule.groups.isdisjoint(principal.groups))
        and (not rule.teams or principal.team in rule.teams)
        and (not rule.subjects or principal.subject in rule.subjects)
        and (not rule.credential_classes or principal.credential_class in rule.credential_classes)
        and (not rule.environments or principal.environment in rule.environments)
        and (not rule.applications or principal.application in rule.applications)
        and (not rule.projects or principal.project in rule.projects)
    )
