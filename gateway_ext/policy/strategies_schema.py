"""The shape of what models.yaml says about the order of deployments, and about what each of them can do."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, field_validator, model_validator

from gateway_ext.dialects.needs import CAPABILITIES
from gateway_ext.policy import fields
from gateway_ext.policy.fields import fault
from gateway_ext.policy.problems import suggestion
from gateway_ext.policy.section import Section
from gateway_ext.routing.strategies import By, Difficulty, Measure, StickyBy

WEIGHT_MAX = 1_000_000
TooLong = Literal["refuse", "drop_oldest"]

_BELONGS_TO = {
    "sticky_by": By.WEIGHTED,
    "measure": By.FASTEST,
    "explore_percent": By.FASTEST,
    "complex_from_percent": By.COMPLEXITY,
}


class Strategy(Section):
    by: By = Field(strict=False, examples=["weighted"])
    sticky_by: StickyBy = Field(default=StickyBy.CALLER, strict=False)
    measure: Measure = Field(default=Measure.FIRST_BYTE, strict=False)
    explore_percent: int = Field(default=5, ge=0, le=50)
    complex_from_percent: int = Field(default=50, ge=1, le=99)

    @model_validator(mode="after")
    def _says_what_counts(self) -> Strategy:
        for key in sorted(self.model_fields_set & _BELONGS_TO.keys()):
            if self.by is not (owner := _BELONGS_TO[key]):
                raise fault(f"has '{key}', which only 'by: {owner}' heeds; remove it, or change 'by'")
        return self


class Shadow(Section):
    """Copies of requests that go to another model, whose answers nobody gets."""

    model: fields.ModelName = Field(examples=["candidate"])
    share_percent: float = Field(examples=["5"])
    payer: fields.Line = ""  # absent: the caller's team

    @field_validator("share_percent", mode="before")
    @classmethod
    def _is_a_share(cls, share: object) -> float:
        if isinstance(share, bool) or not isinstance(share, int | Decimal) or not 0 < share <= 100:
            raise fault("must be a number of percent, above 0 and at most 100, such as 5 or 0.5")
        return float(share)


def _known_capability(names: tuple[str, ...]) -> tuple[str, ...]:
    for name in names:
        if name not in CAPABILITIES:
            raise fault(f"unknown capability '{name}'{suggestion(name, CAPABILITIES)}")
    return names


class Placed(Section):
    """What a deployment says about its place among the others."""

    weight: int | None = Field(default=None, ge=0, le=WEIGHT_MAX)  # absent: 1
    suits: Difficulty | None = Field(default=None, strict=False, alias="for")  # absent: any request
    context_tokens: int | None = Field(default=None, ge=1, le=100_000_000)  # absent: the model's
    capabilities: Annotated[tuple[str, ...], fields.DISTINCT, AfterValidator(_known_capability)] | None = (
        None  # absent: not known
    )


def check_places(strategy: Strategy | None, deployments: Iterable[Placed]) -> None:
    """Raises PydanticCustomError for places that the strategy of their model does not heed, or that leave it no choice."""
    by = strategy.by if strategy is not None else By.PRIORITY
    placed = tuple(deployments)
    if by is not By.WEIGHTED and any(each.weight is not None for each in placed):
        raise fault("has deployments with a 'weight', which only 'strategy: {by: weighted}' heeds")
    if by is By.WEIGHTED and all(each.weight == 0 for each in placed):
        raise fault("has no deployment with a 'weight' above 0; give one a share")
    if by is not By.COMPLEXITY and any(each.suits is not None for each in placed):
        raise fault("has deployments with 'for', which only 'strategy: {by: complexity}' heeds")
    if by is By.COMPLEXITY and all(each.suits is None for each in placed):
        raise fault("goes by complexity, but says of no deployment whether it is 'for: simple' or 'for: complex'")
