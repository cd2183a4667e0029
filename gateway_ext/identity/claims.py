"""From verified claims to a Principal. Pure; nothing here ever reads a header."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gateway_ext.errors import ClaimMissing, CredentialOnWrongInterface, Unauthenticated
from gateway_ext.exchange import ClientCertificate, CredentialClass, Interface, Principal, VerifiedClaims
from gateway_ext.identity.binding import require_binding
from gateway_ext.identity.carried_budget import carried_budget
from gateway_ext.identity.rules import IdentityRules, IssuerRule

CLAIM_CHARACTERS_MAX = 256
GROUPS_MAX = 512
MODELS_MAX = 512
NO_CERTIFICATE = ClientCertificate()


def authenticate(
    claims: Mapping[str, VerifiedClaims],
    interface: Interface,
    rules: IdentityRules,
    certificate: ClientCertificate = NO_CERTIFICATE,
) -> Principal:
    """The principal behind the one verified token.

    Raises Unauthenticated (no token, or of an issuer policy does not name), CredentialOnWrongInterface,
    CertificateMismatch (the token belongs to another client certificate), ClaimMissing, CredentialBudgetUnusable.
    """
    known = [(rules.issuers[name], values) for name, values in claims.items() if name in rules.issuers]
    if len(known) != 1:  # two tokens would leave open who is calling
        raise Unauthenticated
    issuer, values = known[0]
    if interface not in issuer.interfaces:
        raise CredentialOnWrongInterface
    require_binding(values, certificate, is_required=issuer.is_bound)
    fields = {name: _text(values, path) for name, path in issuer.claims.items() if name != "groups"}
    for name in issuer.lowercase & fields.keys():
        fields[name] = fields[name].lower()
    for name, default in issuer.defaults.items():
        fields[name] = fields.get(name) or default
    groups = _groups(values, issuer)
    for name in sorted(issuer.required | {"subject"}):
        if not (groups if name == "groups" else fields.get(name)):
            raise ClaimMissing(
                f"The credential lacks '{issuer.claims.get(name, name)}', which issuer '{issuer.name}' must give."
            )
    return Principal(
        subject=fields["subject"],
        kind=issuer.kind,
        issuer=issuer.name,
        credential_class=issuer.credential_class,
        credential_id=fields.get("credential_id", ""),
        team=fields.get("team", ""),
        project=fields.get("project", ""),
        application=fields.get("application", ""),
        environment=fields.get("environment", ""),
        groups=groups,
        purpose=fields.get("purpose", ""),
        email=fields.get("email", ""),
        cost_center=fields.get("cost_center", ""),
        models=_narrowing(values) if issuer.credential_class is not CredentialClass.SSO else None,
        budget=carried_budget(values) if issuer.credential_class is not CredentialClass.SSO else None,
    )


def _claim(claims: Mapping[str, Any], path: str) -> Any:
    if path in claims:  # namespaced claims have dots in their names
        return claims[path]
    value: Any = claims
    for name in path.split("."):
        if not isinstance(value, Mapping):
            return None
        value = value.get(name)
    return value


def _text(claims: Mapping[str, Any], path: str) -> str:
    value = _claim(claims, path)
    # Longer or stranger values are as good as missing: they would only serve to confuse accounts and records.
    if isinstance(value, str) and len(value) <= CLAIM_CHARACTERS_MAX and value.isprintable():
        return value
    return ""


def _narrowing(claims: Mapping[str, Any]) -> tuple[str, ...] | None:
    """The models that a credential of ours is narrowed to. A claim that cannot be understood grants none."""
    if "models" not in claims:
        return None
    value = claims["models"]
    patterns = value if isinstance(value, list) and len(value) <= MODELS_MAX else []
    return tuple(each for each in patterns if isinstance(each, str) and len(each) <= CLAIM_CHARACTERS_MAX)


def _groups(claims: Mapping[str, Any], issuer: IssuerRule) -> frozenset[str]:
    value = _claim(claims, issuer.claims["groups"]) if "groups" in issuer.claims else None
    names = [value] if isinstance(value, str) else value if isinstance(value, list) else []
    return frozenset(name for name in names[:GROUPS_MAX] if isinstance(name, str) and len(name) <= CLAIM_CHARACTERS_MAX)
