"""The shape of `rules` in routing.yaml."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator

from gateway_ext.policy import fields
from gateway_ext.policy.conditions_schema import RoutingCondition
from gateway_ext.policy.deployment_selector import Deployments
from gateway_ext.policy.fields import fault
from gateway_ext.policy.section import Section
from gateway_ext.routing.rules import Effect

EFFECTS = tuple(effect.value for effect in Effect)


class Rule(Section):
    """What it does is one of EFFECTS."""

    name: fields.Name = Field(examples=["nights-at-home"])
    models: Annotated[tuple[fields.Pattern, ...], fields.ONCE] = ("*",)
    when: RoutingCondition | None = None
    only: Deployments | None = None
    without: Deployments | None = None
    prefer: Deployments | None = None
    deny: fields.Line | None = None
    stop: bool = False

    @property
    def effect(self) -> Effect:
        return next(Effect(key) for key in EFFECTS if key in self.model_fields_set)

    @property
    def selector(self) -> Deployments | None:
        """None: it denies."""
        return self.only or self.without or self.prefer

    @model_validator(mode="after")
    def _has_one_effect(self) -> Rule:
        written = [key for key in EFFECTS if key in self.model_fields_set]
        if not written:
            raise fault("does nothing; add one of 'only', 'without', 'prefer', 'deny'")
        if len(written) > 1:
            raise fault(f"has both '{written[0]}' and '{written[1]}'; write two rules")
        return self
