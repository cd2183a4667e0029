"""Who asks, as the console sees them."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Request

from gateway_ext.console import routes
from gateway_ext.console.authentication import csrf_token, signed_in
from gateway_ext.console.fields import Shown
from gateway_ext.console.permissions import Permission
from gateway_ext.console.person import Person
from gateway_ext.identity.rules import Role

router = routes.router("me")


class Me(Shown):
    """`csrf_token` goes into the header X-CSRF-Token of requests that change something; null without a session."""

    subject: str
    issuer: str
    team: str
    groups: list[str]
    email: str
    roles: list[Role]
    permissions: list[Permission]
    csrf_token: str | None


@router.get("/me", operation_id="read_me", summary="Who I am and what I may do")
async def read_me(request: Request, person: Annotated[Person, Depends(signed_in)]) -> Me:
    principal = person.principal
    return Me(
        subject=principal.subject,
        issuer=principal.issuer,
        team=principal.team,
        groups=sorted(principal.groups),
        email=principal.email,
        roles=sorted(person.roles),
        permissions=sorted(person.permissions),
        csrf_token=csrf_token(request) if person.session_id else None,
    )
