"""The shape of prices: of one deployment in models.yaml, in its simple form, and of prices.yaml, with dates and currencies."""

from __future__ import annotations

from datetime import date
from itertools import pairwise
from typing import Annotated, Any

from pydantic import AfterValidator, Field, model_validator

from gateway_ext.policy import fields
from gateway_ext.policy.fields import fault
from gateway_ext.policy.section import Section


class Price(Section):
    """Per million tokens, and per request. In models.yaml in units of the book's currency."""

    input: fields.Rate = Field(examples=["2.5"])
    output: fields.Rate = Field(examples=["10"])
    cached_input: fields.Rate | None = None  # absent: as `input`
    per_request: fields.Rate = 0

    def rates(self) -> tuple[int, int, int, int]:
        """Input, output, cached input (nano-units per million tokens), per request (nano-units)."""
        cached_input = self.input if self.cached_input is None else self.cached_input
        return self.input, self.output, cached_input, self.per_request


class DatedPrice(Price):
    """In units of `currency`; holds from the first moment of its day until the next one of the list begins."""

    begins: fields.Day = Field(alias="from", examples=["2026-01-31"])
    currency: fields.Currency | None = None  # absent: the book's
    discount_percent: fields.Percent = 0
    cache_write: fields.Rate | None = None  # absent: as `input`
    cache_write_1h: fields.Rate | None = None  # absent: as `cache_write`
    reasoning: fields.Rate | None = None  # absent: as `output`
    audio_input: fields.Rate | None = None  # absent: as `input` or `output`, and so on
    audio_output: fields.Rate | None = None
    image_input: fields.Rate | None = None
    image_output: fields.Rate | None = None
    per_gpu_second: fields.Rate = 0
    gpus: int = Field(default=1, ge=1, le=10_000)
    seconds_max: int | None = Field(default=None, ge=1, le=86_400)  # absent: the longest that Envoy lets one last

    @model_validator(mode="after")
    def _has_a_rate_for_its_seconds(self) -> DatedPrice:
        if not self.per_gpu_second and {"gpus", "seconds_max"} & self.model_fields_set:
            raise fault(
                "has 'gpus' or 'seconds_max', which mean nothing without 'per_gpu_second'; add it or remove them"
            )
        return self


class ExchangeRate(Section):
    """What one unit of the foreign currency costs in the book's."""

    begins: fields.Day = Field(alias="from", examples=["2026-01-31"])
    rate: fields.ExchangeRate = Field(examples=["0.92"])


def _by_date(listed: tuple[Any, ...]) -> tuple[Any, ...]:
    days: list[date] = [each.begins for each in listed]
    for earlier, later in pairwise(days):
        if later <= earlier:
            raise fault(f"lists {later} after {earlier}; list them by date, each day once")
    return listed


BY_DATE = AfterValidator(_by_date)


class PricesFile(Section):
    """`exchange` is by currency, `prices` by deployment: the provider's name and the model's name there."""

    timezone: fields.Timezone = "UTC"
    exchange: dict[fields.Currency, Annotated[tuple[ExchangeRate, ...], fields.NOT_EMPTY, BY_DATE]] = Field(
        default_factory=dict
    )
    prices: dict[fields.DeploymentName, Annotated[tuple[DatedPrice, ...], fields.NOT_EMPTY, BY_DATE]] = Field(
        default_factory=dict
    )
