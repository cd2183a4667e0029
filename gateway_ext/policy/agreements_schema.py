"""The shape of agreements.yaml."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator

from gateway_ext.consent.rules import PartyKind
from gateway_ext.policy import fields
from gateway_ext.policy.fields import fault
from gateway_ext.policy.section import LaxClass, Names, Section

LaxPartyKind = Annotated[PartyKind, Field(strict=False)]  # lax: from the enum's text


class Concerned(Section):
    """Whoever matches all that is written; of each list one."""

    teams: Names = ()
    groups: Names = ()
    subjects: Names = ()
    applications: Names = ()
    purposes: Names = ()
    environments: Names = ()
    credential_classes: Annotated[tuple[LaxClass, ...], fields.ONCE] = ()

    @model_validator(mode="after")
    def _says_something(self) -> Concerned:
        if not self.model_fields_set:
            raise fault("is empty, which would concern everybody; name teams, purposes, …, or remove it")
        return self


class Agreement(Section):
    version: fields.Line = Field(examples=['"1"'])
    title: fields.Line = Field(examples=["Terms of use"])
    accepted_by: LaxPartyKind = Field(examples=["person"])
    url: fields.HttpsUrl | None = None  # absent: its text is told otherwise
    when: Concerned | None = None  # absent: everybody


class AgreementsFile(Section):
    accept_at: fields.HttpsUrl | None = None  # absent: the console's page
    agreements: dict[fields.Name, Agreement] = Field(default_factory=dict)
