"""What policy says about findings: an action for each, for whom it differs, and which findings demand a sovereign route."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from gateway_ext.conditions.condition import Condition
from gateway_ext.exchange import Principal
from gateway_ext.guard.detector import Classifier
from gateway_ext.limits import GUARD_DETECTOR_DEADLINE_SECONDS


class Action(StrEnum):
    LOG = "log"
    PSEUDONYMIZE = "pseudonymize"  # replaced like redacted values, and put back into the answer
    REDACT = "redact"
    BLOCK = "block"


REPLACED = frozenset({Action.PSEUDONYMIZE, Action.REDACT})


SCORED = frozenset({"injection_model", "source_code"})
"""Scores of a model among kinds that are proven by their form: a class's action is not meant for them, only their own."""


class Direction(StrEnum):
    REQUEST = "request"
    RESPONSE = "response"


@dataclass(frozen=True, slots=True)
class DetectorRule:
    action: Action
    sovereign: bool = False
    is_enabled: bool = True


@dataclass(frozen=True, slots=True)
class RuleChange:
    """What differs from another rule; None is as it was."""

    action: Action | None = None
    sovereign: bool | None = None
    is_enabled: bool | None = None

    def of(self, rule: DetectorRule) -> DetectorRule:
        return DetectorRule(
            action=rule.action if self.action is None else self.action,
            sovereign=rule.sovereign if self.sovereign is None else self.sovereign,
            is_enabled=rule.is_enabled if self.is_enabled is None else self.is_enabled,
        )


@dataclass(frozen=True, slots=True)
class Scope:
    """Whom and what an override is for; an empty set means anybody or anything.

    `tiers` holds when every deployment of the model asked for is in one of them: a rule for sovereign models must not
    apply to a request that may go elsewhere. `roles` are those of texts: system, user, tool, …
    """

    teams: frozenset[str] = frozenset()
    groups: frozenset[str] = frozenset()
    subjects: frozenset[str] = frozenset()
    applications: frozenset[str] = frozenset()
    credential_classes: frozenset[str] = frozenset()
    tiers: frozenset[str] = frozenset()
    roles: frozenset[str] = frozenset()
    directions: frozenset[Direction] = frozenset()

    def covers(self, principal: Principal, tiers: frozenset[str], direction: Direction) -> bool:
        """Whether it may apply; `roles` are left for each text to be compared with."""
        return (
            (not self.directions or direction in self.directions)
            and (not self.teams or principal.team in self.teams)
            and (not self.groups or not self.groups.isdisjoint(principal.groups))
            and (not self.subjects or principal.subject in self.subjects)
            and (not self.applications or principal.application in self.applications)
            and (not self.credential_classes or principal.credential_class in self.credential_classes)
            and (not self.tiers or (bool(tiers) and tiers <= self.tiers))
        )


@dataclass(frozen=True, slots=True)
class Override:
    """Changes for a scope, while `when` holds. Of one override a detector's own change beats that of its class."""

    name: str
    scope: Scope
    classes: Mapping[str, RuleChange]
    detectors: Mapping[str, RuleChange]
    when: Condition | None = None


@dataclass(frozen=True, slots=True)
class GuardRules:
    """The rules for one request, or for its answer. `detectors` is keyed by name; `classes` is for those not named.

    `can_restore`: the answer will pass by us with what pseudonyms stand for at hand; else such values are redacted.
    """

    classes: Mapping[str, DetectorRule]
    detectors: Mapping[str, DetectorRule]
    deadline_seconds: float
    detector_deadline_seconds: float = GUARD_DETECTOR_DEADLINE_SECONDS
    denies_on_timeout: bool = True
    denies_token_ids: bool = True
    overrides: tuple[Override, ...] = ()  # in order, a later one has the last word
    allowed: frozenset[tuple[str, str]] = frozenset()  # detector, fingerprint
    classifiers: frozenset[str] = frozenset()  # those of the shipped ones that any rule enables
    dictionaries: tuple[Classifier, ...] = ()
    can_restore: bool = True

    def rule(self, detector: str, data_class: str, role: str = "") -> DetectorRule:
        """The rule for a detector; a class without a rule blocks, because silence must not let anything pass."""
        rule = self.detectors.get(detector)
        if rule is None:
            rule = self.classes.get(data_class) or DetectorRule(Action.BLOCK)
            rule = replace(rule, action=Action.LOG) if detector in SCORED else rule
        for override in self.overrides:
            if override.scope.roles and role not in override.scope.roles:
                continue
            change = override.detectors.get(detector)
            if change is None and (of_class := override.classes.get(data_class)) is not None:
                change = replace(of_class, action=None) if detector in SCORED else of_class
            rule = change.of(rule) if change else rule
        return rule
