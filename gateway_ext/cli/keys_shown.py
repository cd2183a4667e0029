"""What `gateway-ext keys` prints about credentials."""

from __future__ import annotations

import json
import shlex
import sys
from dataclasses import asdict
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from gateway_ext.credentials.credential import Credential
from gateway_ext.exchange import CredentialBudget, CredentialClass
from gateway_ext.limits import NANO

COLUMNS = (
    "ID",
    "CLASS",
    "NAME",
    "SUBJECT",
    "TEAM",
    "STATE",
    "CREATED",
    "EXPIRES",
    "ROTATED",
    "MODELS",
    "BUDGET",
    "PURPOSE",
)
BASE_URLS = {
    CredentialClass.PERSONAL: "http://127.0.0.1:8080/v1",
    CredentialClass.SERVICE: "https://localhost:8444/v1",
}


def show(credential: Credential, token: str, base_url: str | None, *, as_json: bool) -> None:
    """The only time that the token is seen: on standard output, and what to know about it on standard error."""
    base_url = base_url or BASE_URLS[credential.credential_class]
    if as_json:
        known = facts(credential, credential.created_unix)
        print(json.dumps({**known, "base_url": base_url, "token": token}, indent=2))
        return
    print(f"export OPENAI_BASE_URL={shlex.quote(base_url)}")
    print(f"export OPENAI_API_KEY={token}")
    until = _day(credential.expires_unix)
    print(f"{credential.id}: until {until}. This is shown once and kept nowhere; store it now.", file=sys.stderr)


def facts(credential: Credential, now_unix: int) -> dict[str, Any]:
    """What --json prints. Times are ISO 8601, null where there is none; a budget is an integer in nano-units."""
    owner, binding = credential.owner, credential.binding
    return {
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
        "email": owner.email,
        "cost_center": owner.cost_center,
        "models": None if credential.models is None else list(credential.models),
        "budget": None if credential.budget is None else asdict(credential.budget),
        "client_uri": binding.uri,
        "client_certificate_thumbprint": binding.thumbprint,
        "state": str(credential.state(now_unix)),
        "created": _time(credential.created_unix),
        "expires": _time(credential.expires_unix),
        "rotated": _time(credential.rotated_unix),
        "successor": credential.successor or None,
        "revoke_at": _time(credential.revoke_at_unix),
        "revoked": _time(credential.revoked_unix),
    }


def cells(credential: Credential, now_unix: int) -> tuple[str, ...]:
    """The row of COLUMNS."""
    return (
        credential.id,
        str(credential.credential_class),
        credential.name,
        credential.owner.subject,
        credential.owner.team,
        str(credential.state(now_unix)),
        _day(credential.created_unix),
        _day(credential.expires_unix),
        _day(credential.rotated_unix) if credential.rotated_unix else "-",
        "all" if credential.models is None else ", ".join(credential.models),
        "-" if credential.budget is None else _amount(credential.budget),
        credential.purpose,
    )


def _amount(budget: CredentialBudget) -> str:
    return f"{(Decimal(budget.limit_nano) / NANO).normalize():f} {budget.currency}/{budget.window}"


def _time(unix: int) -> str | None:
    return datetime.fromtimestamp(unix, UTC).isoformat() if unix else None


def _day(unix: int) -> str:
    return datetime.fromtimestamp(unix, UTC).strftime("%Y-%m-%d %H:%M")
