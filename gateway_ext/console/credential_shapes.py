"""Credentials as the API shows them and as they are asked for. Only the answer to a minting has room for a token."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import astuple
from datetime import datetime
from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from gateway_ext.console.fields import Body, Line, OptionalLine, Shown, time_of
from gateway_ext.console.order_shapes import order_id
from gateway_ext.credentials.credential import ISSUERS, Credential
from gateway_ext.credentials.minting import LIST_MAX
from gateway_ext.standing.directives import Directive, Measure, Scope

StateName = Literal["active", "retiring", "revoked", "expired"]
ClassName = Literal["personal", "service"]
OVERLAP_MINUTES = 60
OVERLAP_MINUTES_MAX = 30 * 24 * 60
CERTIFICATE_CHARACTERS_MAX = 16 * 1024

_Models = Annotated[
    list[Line], Field(min_length=1, max_length=LIST_MAX, description="Patterns of models that it is narrowed to.")
]
_Budget = Annotated[
    str, Field(max_length=24, examples=["2.5"], description="What it may spend each month, in the book's currency.")
]


class Wish(Body):
    """What whoever mints may choose. The rest is policy's and their identity provider's."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"name": "laptop", "purpose": "editor", "days": 7, "budget": "25"}]}
    )

    name: Line
    purpose: OptionalLine = ""
    days: Annotated[int, Field(description="How long it lives; policy has a default and a bound.")] | None = None
    models: _Models | None = None
    budget: _Budget | None = None


class ServiceWish(Wish):
    """Bound to the service's client certificate: by its URI, by the certificate itself, or by both."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "name": "batch",
                    "service": "nightly-batch",
                    "team": "platform",
                    "groups": ["llm-services"],
                    "client_uri": "spiffe://example.eu/nightly-batch",
                }
            ]
        }
    )

    # No address of a person: an account of that name would be charged for what the service does.
    service: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._/-]{0,127}$")]
    team: Line
    groups: Annotated[list[Line], Field(default_factory=list, max_length=LIST_MAX)]
    project: OptionalLine = ""
    application: OptionalLine | None = None
    environment: OptionalLine = ""
    client_uri: OptionalLine = ""
    client_certificate: Annotated[str, Field(max_length=CERTIFICATE_CHARACTERS_MAX, description="PEM.")] | None = None


class Rotation(Body):
    """How long the old one works beside its successor; 0 ends it at once."""

    overlap_minutes: Annotated[int, Field(ge=0, le=OVERLAP_MINUTES_MAX)] = OVERLAP_MINUTES


class Budget(Shown):
    """`limit_nano`: nano-units of the currency, as text, because JSON's numbers are exact to 2**53 only."""

    limit_nano: str
    currency: str
    window: str


class CredentialShown(Shown):
    """`refused_by`: orders in force, by their ids, because of which the gateway refuses it whatever its state."""

    id: str
    class_: Annotated[ClassName, Field(alias="class")]
    name: str
    purpose: str
    subject: str
    team: str
    groups: list[str]
    project: str
    application: str
    environment: str
    models: list[str] | None
    budget: Budget | None
    client_uri: str
    client_certificate_thumbprint: str
    state: StateName
    created: datetime
    expires: datetime
    rotated: datetime | None
    successor: str | None
    revoke_at: datetime | None
    revoked: datetime | None
    refused_by: list[str]


class CredentialPage(Shown):
    items: list[CredentialShown]
    next: str | None


class CredentialMinted(CredentialShown):
    """`token` is shown this once and kept nowhere; null in the answer to a repeated request."""

    token: str | None
    token_shown: bool


def credential_shown(credential: Credential, now_unix: int, orders: Sequence[Directive]) -> CredentialShown:
    owner, binding, budget = credential.owner, credential.binding, credential.budget
    return CredentialShown.model_validate(
        {
            "id": credential.id,
            "class": str(credential.credential_class),
            "name": credential.name,
            "purpose": credential.purpose,
            "subject": owner.subject,
            "team": owner.team,
            "groups": list(owner.groups),
            "project": owner.project,
            "application": owner.application,
            "environment": owner.environment,
            "models": None if credential.models is None else list(credential.models),
            "budget": budget
            and Budget(limit_nano=str(budget.limit_nano), currency=budget.currency, window=budget.window),
            "client_uri": binding.uri,
            "client_certificate_thumbprint": binding.thumbprint,
            "state": str(credential.state(now_unix)),
            "created": time_of(credential.created_unix),
            "expires": time_of(credential.expires_unix),
            "rotated": time_of(credential.rotated_unix),
            "successor": credential.successor or None,
            "revoke_at": time_of(credential.revoke_at_unix),
            "revoked": time_of(credential.revoked_unix),
            "refused_by": [order_id(each.target) for each in refusing(credential, orders)],
        }
    )


def refusing(credential: Credential, orders: Iterable[Directive]) -> list[Directive]:
    """Those of `orders` because of which every request with it is refused, as standing/standing.py judges requests."""
    owner, issuer = credential.owner, ISSUERS[credential.credential_class].name
    keys = {
        (Measure.REVOKED, Scope.CREDENTIAL, credential.id, ""),
        (Measure.DISABLED, Scope.PERSON, owner.subject, ""),
        (Measure.DISABLED, Scope.PERSON, owner.subject, issuer),
        (Measure.STOPPED, Scope.EVERYTHING, "", ""),
        (Measure.STOPPED, Scope.CREDENTIAL, credential.id, ""),
        (Measure.STOPPED, Scope.PERSON, owner.subject, ""),
        (Measure.STOPPED, Scope.TEAM, owner.team, ""),
        (Measure.STOPPED, Scope.APPLICATION, owner.application, ""),
    }
    return [each for each in orders if astuple(each.target) in keys]
