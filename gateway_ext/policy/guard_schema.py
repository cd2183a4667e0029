"""The shape of guard.yaml. docs/policy.md explains every key."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from gateway_ext import limits
from gateway_ext.guard.rules import Action, Direction
from gateway_ext.policy import fields
from gateway_ext.policy.conditions_schema import GuardCondition
from gateway_ext.policy.fields import fault
from gateway_ext.policy.section import LaxClass, Names, Section

LaxDirection = Annotated[Direction, Field(strict=False)]
TextRole = Literal["system", "developer", "user", "assistant", "tool", "function"]

_DEADLINE_MS_MAX = int(limits.GUARD_DEADLINE_SECONDS * 1000)
_DETECTOR_DEADLINE_MS_MAX = int(limits.GUARD_DETECTOR_DEADLINE_SECONDS * 1000)


class ClassRule(Section):
    action: Action = Field(strict=False, examples=["log"])
    sovereign: bool = False
    enabled: bool = True


class DetectorRule(Section):
    """What is absent is as in the rule of the detector's class, or as without this override."""

    action: Action | None = Field(default=None, strict=False)
    sovereign: bool | None = None
    enabled: bool | None = None


class Classes(Section):
    personal: ClassRule = Field(examples=["{action: log, sovereign: true}"])
    secret: ClassRule = Field(examples=["{action: block}"])
    confidential: ClassRule = ClassRule(action=Action.LOG)
    injection: ClassRule = ClassRule(action=Action.LOG)
    harmful: ClassRule = ClassRule(action=Action.LOG, enabled=False)


class Scope(Section):
    """All that is named must hold; of each list one."""

    teams: Names = ()
    groups: Names = ()
    subjects: Names = ()
    applications: Names = ()
    credential_classes: Annotated[tuple[LaxClass, ...], fields.ONCE] = ()
    tiers: Annotated[tuple[fields.KnownTier, ...], fields.ONCE] = ()
    roles: Annotated[tuple[TextRole, ...], fields.ONCE] = ()
    directions: Annotated[tuple[LaxDirection, ...], fields.ONCE] = ()
    condition: GuardCondition | None = None

    @model_validator(mode="after")
    def _says_something(self) -> Scope:
        if not self.model_fields_set:
            raise fault("is empty, so the override would be the rule; name teams, tiers, roles, …")
        return self


class ClassChanges(Section):
    personal: DetectorRule | None = None
    secret: DetectorRule | None = None
    confidential: DetectorRule | None = None
    injection: DetectorRule | None = None
    harmful: DetectorRule | None = None


class GuardOverride(Section):
    name: fields.Name = Field(examples=["hr-team"])
    when: Scope = Field(examples=["{teams: [hr]}"])
    classes: ClassChanges = ClassChanges()
    detectors: dict[fields.KnownDetector, DetectorRule] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _changes_something(self) -> GuardOverride:
        if not self.detectors and not self.classes.model_fields_set:
            raise fault("changes nothing; add 'classes' or 'detectors'")
        return self


class Responses(Section):
    """Whether answers are inspected, and what differs for them from the rules for requests."""

    inspect: bool = False
    classes: ClassChanges = ClassChanges()
    detectors: dict[fields.KnownDetector, DetectorRule] = Field(default_factory=dict)


class AllowedValue(Section):
    """A value that is no finding, by the fingerprint that the audit trail shows."""

    detector: fields.KnownDetector = Field(examples=["iban"])
    fingerprint: fields.Fingerprint = Field(examples=["0a1b2c3d4e5f60718293a4b5c6d7e8f9"])
    reason: fields.Line = Field(examples=["our public donations account"])
    teams: Names = ()
    until: fields.Day | None = None


class Dictionary(Section):
    terms: fields.TermsFile = Field(examples=["projects.terms"])
    case_sensitive: bool = False
    inflections: bool = True
    terms_min: int = Field(default=1, ge=1, le=100)


class GuardFile(Section):
    deadline_ms: int = Field(default=_DEADLINE_MS_MAX, ge=1, le=_DEADLINE_MS_MAX)
    detector_deadline_ms: int = Field(default=_DETECTOR_DEADLINE_MS_MAX, ge=1, le=_DETECTOR_DEADLINE_MS_MAX)
    on_timeout: Literal["deny", "allow"] = "deny"
    token_ids: Literal["deny", "allow"] = "deny"
    classes: Classes = Field(examples=["{personal: {action: log, sovereign: true}, secret: {action: block}}"])
    detectors: dict[fields.KnownDetector, DetectorRule] = Field(default_factory=dict)
    responses: Responses = Responses()
    overrides: tuple[GuardOverride, ...] = ()
    allow: tuple[AllowedValue, ...] = ()
    dictionaries: dict[fields.DictionaryName, Dictionary] = Field(default_factory=dict)
