"""The shape of `data_classes` in routing.yaml. docs/data-classes.md shows how it works."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, ValidationInfo, model_validator

from gateway_ext.guard.catalog import TIMEOUT
from gateway_ext.policy import fields
from gateway_ext.policy.deployment_selector import Deployments
from gateway_ext.policy.fields import fault
from gateway_ext.policy.problems import suggestion
from gateway_ext.policy.section import Names, Section
from gateway_ext.routing.data_classes import UnknownHistory

GuardClass = Literal["personal", "secret", "confidential", "injection", "harmful"]
CountedAction = Literal["log", "pseudonymize", "redact"]


def _finds_something(pattern: str, info: ValidationInfo) -> str:
    known: fields.KnownNames = info.context or {}
    if "detector" in known:
        detectors = known["detector"] | {TIMEOUT}
        if not any(fnmatchcase(name, pattern) for name in detectors):
            raise fault(f"matches no detector: '{pattern}'{suggestion(pattern, detectors)}")
    return pattern


DetectorPattern = Annotated[fields.Pattern, AfterValidator(_finds_something)]


class Source(Section):
    """What puts content into a class: findings of one of `data_classes` or `detectors` but `exceptions`, or one of `labels`."""

    data_classes: Annotated[tuple[GuardClass, ...], fields.ONCE] = ()  # the Guard's
    detectors: Annotated[tuple[DetectorPattern, ...], fields.ONCE] = ()
    exceptions: Annotated[tuple[DetectorPattern, ...], fields.ONCE] = Field(default=(), alias="except")
    actions: Annotated[tuple[CountedAction, ...], fields.ONCE] = ()  # absent: as counts_redacted says
    labels: Annotated[tuple[fields.Label, ...], fields.ONCE] = ()  # besides the class's own name

    @model_validator(mode="after")
    def _says_something(self) -> Source:
        if not (self.data_classes or self.detectors or self.labels):
            raise fault("names nothing; write 'data_classes', 'detectors' or 'labels'")
        for key, written in (("actions", self.actions), ("except", self.exceptions)):
            if written and not (self.data_classes or self.detectors):
                raise fault(f"has '{key}', which is about findings; name 'data_classes' or 'detectors', too")
        return self


class DataClass(Section):
    source: Source | None = Field(default=None, alias="from")  # absent: only its name as a label, and defaults
    allow: Deployments | None = None  # absent: all deployments
    implies: Annotated[tuple[fields.Name, ...], fields.ONCE] = ()
    sticky: bool = False


class DefaultClass(Section):
    """Of callers for whom all that is written holds; of each list one."""

    name: fields.Name = Field(alias="class", examples=["personal"])
    teams: Names = ()
    applications: Names = ()
    purposes: Names = ()

    @model_validator(mode="after")
    def _names_somebody(self) -> DefaultClass:
        if not (self.teams or self.applications or self.purposes):
            raise fault("is for everybody; write it as 'default', or name teams, applications or purposes")
        return self


class DataClasses(Section):
    classes: dict[fields.Name, DataClass] = Field(examples=["{personal: {from: {data_classes: [personal]}}}"])
    default: fields.Name | None = None
    defaults: tuple[DefaultClass, ...] = ()
    counts_redacted: bool = True
    unknown_history: UnknownHistory = Field(default=UnknownHistory.SOVEREIGN, strict=False)
    kept_days: int = Field(default=30, ge=1, le=3_650)
