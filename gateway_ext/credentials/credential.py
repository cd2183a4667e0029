"""What is kept about a minted credential: everything but the credential itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from gateway_ext.exchange import CredentialBudget, CredentialClass, Principal


class State(StrEnum):
    ACTIVE = "active"
    RETIRING = "retiring"  # rotated: works until its successor has taken over
    REVOKED = "revoked"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True)
class Issuer:
    """`name` names the JWKS file, the signing key's file and Envoy's jwt_authn provider."""

    name: str
    issuer: str
    audience: str


ISSUERS: Mapping[CredentialClass, Issuer] = {
    CredentialClass.PERSONAL: Issuer("personal", "gateway-ext/personal", "llm-gateway"),
    CredentialClass.SERVICE: Issuer("service", "gateway-ext/service", "llm-gateway-internal"),
}
"""Envoy knows them by the same names (envoy/envoy.yaml)."""


@dataclass(frozen=True, slots=True)
class Owner:
    """Whom a credential speaks for, as they were when it was minted."""

    subject: str
    team: str
    groups: tuple[str, ...] = ()
    project: str = ""
    application: str = ""
    environment: str = ""
    email: str = ""
    cost_center: str = ""


def owner_of(principal: Principal) -> Owner:
    """The owner of what somebody who has logged in mints for themselves: as their identity provider says just now."""
    return Owner(
        subject=principal.subject,
        team=principal.team,
        groups=tuple(sorted(principal.groups)),
        project=principal.project,
        application=principal.application,
        environment=principal.environment,
        email=principal.email,
        cost_center=principal.cost_center,
    )


@dataclass(frozen=True, slots=True)
class Binding:
    """The client certificate that a credential must come with: by its URI name, or by its very bytes.

    `thumbprint` is the base64url SHA-256 of the certificate in DER (RFC 8705, x5t#S256). Empty = not bound to that.
    """

    uri: str = ""
    thumbprint: str = ""

    def __bool__(self) -> bool:
        return bool(self.uri or self.thumbprint)


@dataclass(frozen=True, slots=True)
class Credential:
    """One minted credential. `id` is its `jti`. Times are Unix seconds; 0 = never.

    `models`: patterns it is narrowed to, None = not narrowed; `budget`: what it may spend at most, None = as policy says.
    `revoke_at_unix` is when a rotated one is to be revoked, `revoked_unix` when it was.
    """

    id: str
    credential_class: CredentialClass
    name: str
    purpose: str
    owner: Owner
    created_unix: int
    expires_unix: int
    models: tuple[str, ...] | None = None
    binding: Binding = field(default_factory=Binding)
    budget: CredentialBudget | None = None
    rotated_unix: int = 0
    successor: str = ""
    revoke_at_unix: int = 0
    revoked_unix: int = 0

    def state(self, now_unix: int) -> State:
        """What it is worth at a time. Revoked says more than expired, so it comes first."""
        if self.revoked_unix:
            return State.REVOKED
        if self.expires_unix <= now_unix:
            return State.EXPIRED
        return State.RETIRING if self.revoke_at_unix else State.ACTIVE
