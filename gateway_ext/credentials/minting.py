"""From what somebody asks for to a credential and its claims. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from gateway_ext.credentials.credential import ISSUERS, Binding, Credential, Owner
from gateway_ext.credentials.rules import DAY_SECONDS, Bounds
from gateway_ext.errors import ConfigurationError
from gateway_ext.exchange import CredentialClass

CHARACTERS_MAX = 256  # identity/claims.py takes longer claims for missing
LIST_MAX = 64


@dataclass(frozen=True, slots=True)
class Asked:
    """What a credential is asked for. `days` is None for policy's default."""

    credential_class: CredentialClass
    name: str
    owner: Owner
    purpose: str = ""
    days: int | None = None
    models: tuple[str, ...] | None = None
    binding: Binding = field(default_factory=Binding)


def credential_of(asked: Asked, bounds: Bounds, credential_id: str, now_unix: int) -> Credential:
    """The credential that policy's `bounds` allow. Raises ConfigurationError naming what is wrong and how to fix it."""
    days = bounds.days_default if asked.days is None else asked.days
    if not 1 <= days <= bounds.days_max:
        raise ConfigurationError(f"--days {days}: policy allows 1 to {bounds.days_max} (identity.yaml)")
    owner = asked.owner
    _require_texts(name=asked.name, subject=owner.subject, team=owner.team)
    _require_texts(is_optional=True, purpose=asked.purpose, project=owner.project)
    _require_texts(is_optional=True, application=owner.application, environment=owner.environment)
    for each in owner.groups:
        _require_texts(group=each)
    for each in asked.models or ():
        _require_texts(model=each)
    if asked.models == () or max(len(owner.groups), len(asked.models or ())) > LIST_MAX:
        raise ConfigurationError(f"name 1 to {LIST_MAX} models, and at most {LIST_MAX} groups")
    if asked.credential_class is CredentialClass.SERVICE and not asked.binding:
        raise ConfigurationError(
            "a service credential must be bound to the service's client certificate: give --client-uri or --client-cert"
        )
    return Credential(
        id=credential_id,
        credential_class=asked.credential_class,
        name=asked.name,
        purpose=asked.purpose,
        owner=owner,
        created_unix=now_unix,
        expires_unix=now_unix + days * DAY_SECONDS,
        models=asked.models,
        binding=asked.binding,
    )


def successor_of(old: Credential, bounds: Bounds, credential_id: str, now_unix: int) -> Credential:
    """As `old`, for as long again as that was made for, unless policy has become stricter."""
    lifetime_seconds = min(old.expires_unix - old.created_unix, bounds.days_max * DAY_SECONDS)
    return replace(
        old,
        id=credential_id,
        created_unix=now_unix,
        expires_unix=now_unix + lifetime_seconds,
        rotated_unix=now_unix,
        successor="",
        revoke_at_unix=0,
        revoked_unix=0,
    )


def claims_of(credential: Credential) -> dict[str, Any]:
    """The claims that Envoy verifies and identity/claims.py reads. What is empty is left out."""
    issuer, owner = ISSUERS[credential.credential_class], credential.owner
    binding = credential.binding
    optional: dict[str, Any] = {
        "project": owner.project,
        "app": owner.application,
        "env": owner.environment,
        "purpose": credential.purpose,
        "client_uri": binding.uri,
        "cnf": {"x5t#S256": binding.thumbprint} if binding.thumbprint else None,  # RFC 8705 §3.1
    }
    return {
        "iss": issuer.issuer,
        "aud": issuer.audience,
        "sub": owner.subject,
        "jti": credential.id,
        "iat": credential.created_unix,
        "nbf": credential.created_unix,
        "exp": credential.expires_unix,
        "team": owner.team,
        "groups": list(owner.groups),
        **{name: value for name, value in optional.items() if value},
        **({} if credential.models is None else {"models": list(credential.models)}),
    }


def _require_texts(*, is_optional: bool = False, **texts: str) -> None:
    for name, text in texts.items():
        if not (text or is_optional) or not text.isprintable() or len(text) > CHARACTERS_MAX:
            raise ConfigurationError(f"--{name}: must be one line of 1 to {CHARACTERS_MAX} printable characters")
