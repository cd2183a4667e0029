"""Operators' orders as the API shows them and as they are given. An id stands in for names in addresses and logs."""

from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import astuple
from datetime import datetime
from typing import Annotated

from pydantic import AwareDatetime, ConfigDict, Field

from gateway_ext.console.fields import Body, Line, OptionalLine, Reason, Shown, moment, time_of
from gateway_ext.limits import NANO
from gateway_ext.standing.directives import Directive, Measure, Scope, Target

_ID_BYTES = 16


class Stop(Body):
    """`unknown`: also a model, provider or jurisdiction that policy does not know."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"scope": "provider", "value": "example-ai", "reason": "incident 4711"}]}
    )

    scope: Annotated[Scope, Field(strict=False)]  # JSON has no enumerations
    value: Annotated[OptionalLine, Field(description="Which; nothing for 'everything'.")] = ""
    reason: Annotated[Reason, Field(description="Recorded, and shown to whoever is refused.")]
    unknown: bool = False


class Disabling(Body):
    """`issuer`: only as this issuer of identity.yaml knows them; without it with every credential."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"subject": "ada@example.eu", "reason": "has left the company"}]}
    )

    subject: Line
    issuer: OptionalLine = ""
    reason: Reason


class Revocation(Body):
    """`expires`: when the credential ends by itself; the order is then forgotten."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"credential_id": "jti-4711", "expires": "2099-12-31T12:00:00Z", "reason": "laptop lost"}]
        }
    )

    credential_id: Line
    expires: Annotated[AwareDatetime, Field(strict=False)] | None = None
    reason: Reason


class OrderShown(Shown):
    id: str
    measure: Measure
    scope: Scope
    value: str
    issuer: str
    actor: str
    reason: str
    since: datetime
    expires: datetime | None


class OrderPage(Shown):
    items: list[OrderShown]
    next: str | None


def order_id(target: Target) -> str:
    """The same for the same target: there is one order at most for each."""
    digest = hashlib.sha256(json.dumps(astuple(target)).encode()).digest()
    return base64.urlsafe_b64encode(digest[:_ID_BYTES]).rstrip(b"=").decode()


def order_shown(directive: Directive) -> OrderShown:
    target = directive.target
    return OrderShown(
        id=order_id(target),
        measure=target.measure,
        scope=target.scope,
        value=target.value,
        issuer=target.issuer,
        actor=directive.actor,
        reason=directive.reason,
        since=moment(directive.since_unix_nano / NANO),
        expires=time_of(directive.expires_unix_nano / NANO),
    )
