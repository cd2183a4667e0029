"""What policy says about findings: an action for each, for whom it differs, and which findings demand a sovereign route."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from gateway_ext.exchange import Principal
from gateway_ext.guard.detector import Classifier
from gateway_ext.limits import GUARD_DETECTOR_DEADLINE_SECONDS


class Action(StrEnum):
    LOG = "log"
    REDACT = "redact"
    BLOCK = "block"


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

    def covers(self, principal: Principal, tiers: frozenset[str]) -> bool:
        """Whether it may apply; `roles` are left for each text to be compared with."""
        return (
            (not self.teams or principal.team in self.teams)
            and (not self.groups or not self.groups.isdisjoint(principal.groups))
            and (not self.subjects or principal.subject in self.subjects)
            and (not self.applications or principal.application in self.applications)
            and (not self.credential_classes or principal.credential_class in self.credential_classes)
            and (not self.tiers or (bool(tiers) and tiers <= self.tiers))
        )


@dataclass(frozen=True, slots=True)
class Override:
    """Changes for a scope. Of one override a detector's own change beats that of its class."""

    name: str
    scope: Scope
    classes: Mapping[str, RuleChange]
    detectors: Mapping[str, RuleChange]


@dataclass(frozen=True, slots=True)
class Allowance:
    """A value, known by its fingerprint alone, that is no finding: a test account, a public hotline."""

    detector: str
    fingerprint: str
    teams: frozenset[str] = frozenset()  # empty: everybody
    until_unix_nano: int | None = None


@dataclass(frozen=True, slots=True)
class GuardRules:
    """The rules for one request. `detectors` is keyed by name; `classes` is for those not named."""

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

    def rule(self, detector: str, data_class: str, role: str = "") -> DetectorRule:
        """The rule for a detector; a class without a rule blocks, because silence must not let anything pass."""
        rule = self.detectors.get(detector) or self.classes.get(data_class) or DetectorRule(Action.BLOCK)
        for override in self.overrides:
            if not override.scope.roles or role in override.scope.roles:
                change = override.detectors.get(detector) or override.classes.get(data_class)
                rule = change.of(rule) if change else rule
        return rule


@dataclass(frozen=True, slots=True)
class GuardPolicy:
    """`request` are the rules for everybody, before `overrides` and `allowances`."""

    request: GuardRules
    overrides: tuple[Override, ...] = ()
    allowances: tuple[Allowance, ...] = ()

    def for_request(self, principal: Principal, tiers: frozenset[str], now_unix_nano: int) -> GuardRules:
        """The rules for what a caller sends to a model deployed in `tiers`."""
        if not (self.overrides or self.allowances):
            return self.request
        allowed = {
            (allowance.detector, allowance.fingerprint)
            for allowance in self.allowances
            if (not allowance.teams or principal.team in allowance.teams)
            and (allowance.until_unix_nano is None or now_unix_nano < allowance.until_unix_nano)
        }
        overrides = tuple(override for override in self.overrides if override.scope.covers(principal, tiers))
        return replace(self.request, overrides=overrides, allowed=frozenset(allowed))
