"""The shape of cases: requests that are described, and what is expected to become of them. docs/policy-as-code.md."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from gateway_ext.exchange import Endpoint
from gateway_ext.policy import fields
from gateway_ext.policy.fields import fault
from gateway_ext.policy.section import Names, Section

LaxEndpoint = Annotated[Endpoint, Field(strict=False)]
TOKENS_MAX = 100_000_000


def _moment(value: Any) -> datetime:
    try:
        moment = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        moment = None
    if moment is None or moment.tzinfo is None:
        raise fault("must be a moment with its time zone, such as 2026-01-05T09:00:00+01:00")
    return moment


Moment = Annotated[datetime, BeforeValidator(_moment)]
NOON = datetime.fromisoformat("2026-01-01T12:00:00+00:00")
"""Of cases without a moment: what they say must not change with the clock."""


class Caller(Section):
    """As the claims of a credential of `issuer` make one; kind, class and defaults are the issuer's."""

    issuer: fields.KnownIssuer = Field(examples=["company"])
    subject: fields.Line = "somebody"
    team: fields.Line | None = None
    project: fields.Line | None = None
    application: fields.Line | None = None
    environment: fields.Line | None = None
    purpose: fields.Line | None = None
    cost_center: fields.Line | None = None
    groups: Names = ()
    front_end: fields.Line | None = None  # the service that asks for this person


class Request(Section):
    """`detectors` have found something in it; `classes` come on top of those that follow from that."""

    model: fields.ModelName = Field(examples=["assistant"])
    endpoint: LaxEndpoint = Endpoint.CHAT_COMPLETIONS
    stream: bool = False
    bytes: int = Field(default=0, ge=0, le=TOKENS_MAX)
    input_tokens: int = Field(default=0, ge=0, le=TOKENS_MAX)
    output_tokens: int = Field(default=0, ge=0, le=TOKENS_MAX)
    needs: Names = ()
    detectors: Annotated[tuple[fields.KnownDetector, ...], fields.ONCE] = ()
    classes: Annotated[tuple[fields.KnownDataClass, ...], fields.ONCE] = ()
    labels: Names = ()
    labels_trusted: bool = False  # as of a front end that policy believes
    over: Names = ()  # soft budgets
    capped: bool = False
    degraded: bool = False


class Expectation(Section):
    """What is left out may be anything. `served_by` in order and complete, `reasons` among others."""

    outcome: Literal["forward", "refuse"] = Field(examples=["forward"])
    code: fields.Line | None = None
    served_by: Annotated[tuple[fields.KnownDeployment, ...], fields.ONCE] = ()
    reasons: Names = ()

    @model_validator(mode="after")
    def _fits_together(self) -> Expectation:
        if self.outcome == "forward" and self.code:
            raise fault("has a code, which only a refusal has; write 'outcome: refuse', or remove it")
        if self.outcome == "refuse" and self.served_by:
            raise fault("is served by nobody when it is refused; write 'outcome: forward', or remove 'served_by'")
        return self


class WrittenCase(Section):
    name: fields.Line = Field(examples=["personal data stays in the EU"])
    caller: Caller = Field(examples=["{issuer: company, groups: [llm-users]}"])
    request: Request = Field(examples=["{model: assistant, detectors: [iban]}"])
    at: Moment = NOON
    expect: Expectation = Field(examples=["{outcome: forward}"])


class CasesFile(Section):
    cases: Annotated[tuple[WrittenCase, ...], fields.NOT_EMPTY] = Field(examples=["[]"])
