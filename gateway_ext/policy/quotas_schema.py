"""The shape of quotas, and of who comes first, in budgets.yaml."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from gateway_ext import limits
from gateway_ext.budget.priorities import WAIT_SECONDS_MAX, Priority
from gateway_ext.budget.rules import Scope
from gateway_ext.policy import fields
from gateway_ext.policy.fields import fault
from gateway_ext.policy.section import LaxClass, Names, Section
from gateway_ext.quota import Unit


class Quota(Section):
    name: fields.Name = Field(examples=["requests-per-user"])
    scope: Scope = Field(strict=False, examples=["user"])
    match: fields.Pattern = "*"
    models: Annotated[tuple[fields.Pattern, ...], fields.ONCE] = ()
    per_model: bool = False
    unit: Unit = Field(strict=False, examples=["requests"])
    limit: fields.QuotaLimit = Field(examples=["600"])
    per: Literal["minute", "hour", "day"] | None = None
    only_answered: bool = False

    @model_validator(mode="after")
    def _counts_something(self) -> Quota:
        if (self.per is None) is not (self.unit is Unit.CONCURRENT):
            fix = "remove 'per'" if self.per else "add 'per: minute', 'hour' or 'day'"
            raise fault(f"counts {self.unit}: {fix}")
        if self.limit == 0 or (self.unit is not Unit.MONEY and self.limit % limits.NANO):
            raise fault(
                f"has a limit that is no number of {self.unit}: write one above 0, without decimals but for money"
            )
        if self.only_answered and self.unit is not Unit.REQUESTS:
            raise fault(f"counts {self.unit}, which only answered requests use; remove 'only_answered'")
        return self


class ClassOfRequests(Section):
    weight: int = Field(default=1, ge=1, le=1_000)
    wait_ms_max: int = Field(default=0, ge=0, le=int(WAIT_SECONDS_MAX * 1_000))
    share_percent: int = Field(default=100, ge=1, le=100)


class Assignment(Section):
    """All that is named must hold; of each list one."""

    priority: Priority = Field(strict=False, examples=["batch"])
    groups: Names = ()
    applications: Names = ()
    purposes: Names = ()
    credential_classes: Annotated[tuple[LaxClass, ...], fields.ONCE] = ()

    @model_validator(mode="after")
    def _names_somebody(self) -> Assignment:
        if self.model_fields_set == {"priority"}:
            raise fault("is for nobody in particular; name groups, applications, purposes or credential_classes")
        return self


class Priorities(Section):
    interactive: ClassOfRequests = ClassOfRequests()
    standard: ClassOfRequests = ClassOfRequests()
    batch: ClassOfRequests = ClassOfRequests()
    assign: tuple[Assignment, ...] = ()
