"""From what somebody asks for to a credential and its claims. Pure."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from gateway_ext.credentials.credential import ISSUERS, Binding, Credential, Owner
from gateway_ext.credentials.rules import DAY_SECONDS, Bounds, CredentialConflict, CredentialInvalid
from gateway_ext.exchange import CredentialBudget, CredentialClass
from gateway_ext.limits import NANO

CHARACTERS_MAX = 256  # identity/claims.py takes longer claims for missing
LIST_MAX = 64
BUDGET_UNITS_MAX = 1_000_000_000  # as an amount of budgets.yaml: 10**18 nano-units, below 2**63
_BUDGET = re.compile(r"(0|[1-9][0-9]{0,9})(?:\.([0-9]{1,9}))?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Asked:
    """What a credential is asked for. `days` is None for policy's default.

    `budget_nano` is what it may spend each month at most, in nano-units of the book's currency (`nano_units` reads it from
    text), None as much as policy allows its owner.
    """

    credential_class: CredentialClass
    name: str
    owner: Owner
    purpose: str = ""
    days: int | None = None
    models: tuple[str, ...] | None = None
    binding: Binding = field(default_factory=Binding)
    budget_nano: int | None = None


def credential_of(asked: Asked, bounds: Bounds, credential_id: str, now_unix: int) -> Credential:
    """The credential that policy's `bounds` allow. Raises CredentialInvalid."""
    days = bounds.days_default if asked.days is None else asked.days
    if not 1 <= days <= bounds.days_max:
        raise CredentialInvalid("days", f"policy allows 1 to {bounds.days_max} (identity.yaml), not {days}")
    owner = asked.owner
    _require_line("name", asked.name)
    _require_line("purpose", asked.purpose, characters_min=0)
    _require_line("uri", asked.binding.uri, characters_min=0)
    for field_name in ("subject", "team"):
        _require_line(field_name, getattr(owner, field_name))
    for field_name in ("project", "application", "environment", "email", "cost_center"):
        _require_line(field_name, getattr(owner, field_name), characters_min=0)
    _require_list("groups", owner.groups)
    if asked.models is not None:
        _require_list("models", asked.models, at_least=1)
    if asked.credential_class is CredentialClass.SERVICE and not asked.binding:
        raise CredentialInvalid(
            "binding", "a service credential must be bound to the service's client certificate, by its URI or its bytes"
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
        budget=_budget(asked.budget_nano, bounds.currency, credential_id),
    )


def successor_of(old: Credential, bounds: Bounds, credential_id: str, now_unix: int) -> Credential:
    """As `old`, for as long again as that was made for, unless policy has become stricter. Raises CredentialConflict."""
    if old.budget is not None and old.budget.currency != bounds.currency:
        raise CredentialConflict(
            f"{old.id}: has a budget in {old.budget.currency}, and the book is in {bounds.currency or 'no currency'} now"
            " (budgets.yaml); mint a new credential"
        )
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
        "email": owner.email,
        "cost_center": owner.cost_center,
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
        **({} if credential.budget is None else {"budget": _budget_claim(credential.budget)}),
    }


def nano_units(text: str) -> int:
    """From a decimal number of currency units, such as 2.5, to nano-units, exactly. Raises CredentialInvalid."""
    written = _BUDGET.fullmatch(text)
    if written is None:
        raise CredentialInvalid(
            "budget", "must be a plain decimal number such as 2.5, of at most 9 decimals, without sign or separators"
        )
    return int(written[1]) * NANO + int((written[2] or "").ljust(9, "0"))


def _budget(budget_nano: int | None, currency: str, account: str) -> CredentialBudget | None:
    if budget_nano is None:
        return None
    if not 0 < budget_nano <= BUDGET_UNITS_MAX * NANO:
        raise CredentialInvalid("budget", f"must be above 0 and at most {BUDGET_UNITS_MAX} units of currency")
    if not currency:
        raise CredentialInvalid("budget", "policy names no currency that it could be in (budgets.yaml)")
    return CredentialBudget(account, currency, budget_nano)


def _budget_claim(budget: CredentialBudget) -> dict[str, str]:
    """All of it text: Envoy hands claims over with numbers as doubles, which are exact up to 2**53 only."""
    return asdict(budget) | {"limit_nano": str(budget.limit_nano)}


def _require_line(name: str, text: str, characters_min: int = 1) -> None:
    if not characters_min <= len(text) <= CHARACTERS_MAX or not text.isprintable():
        raise CredentialInvalid(name, f"must be one line of {characters_min} to {CHARACTERS_MAX} printable characters")


def _require_list(name: str, texts: tuple[str, ...], at_least: int = 0) -> None:
    if not at_least <= len(texts) <= LIST_MAX:
        raise CredentialInvalid(name, f"must be {at_least} to {LIST_MAX}")
    for each in texts:
        _require_line(name, each)
