"""`/me/credentials`: the personal credentials of whoever asks. Whom they speak for comes from the login, never from a body."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Annotated

from fastapi import Depends, Path, Request, Response
from fastapi.responses import JSONResponse

from gateway_ext.console import routes
from gateway_ext.console.authentication import require
from gateway_ext.console.change import Change, Changes, KeyedChanges
from gateway_ext.console.context import console_of
from gateway_ext.console.credential_shapes import (
    CredentialMinted,
    CredentialPage,
    CredentialShown,
    Rotation,
    StateName,
    Wish,
)
from gateway_ext.console.minting import Desk
from gateway_ext.console.pagination import PageWanted, link
from gateway_ext.console.permissions import Permission
from gateway_ext.console.person import Person
from gateway_ext.credentials.credential import Credential, State, owner_of
from gateway_ext.credentials.minting import Asked, nano_units
from gateway_ext.credentials.sqlite_store import Which
from gateway_ext.exchange import CredentialClass

PATH = f"{routes.PREFIX}/me/credentials"
router = routes.router("my credentials")

Reader = Annotated[Person, Depends(require(Permission.OWN_CREDENTIALS))]
Writer = Annotated[Change, Depends(Changes(Permission.OWN_CREDENTIALS))]
Minter = Annotated[Change, Depends(KeyedChanges(Permission.OWN_CREDENTIALS))]
Identity = Annotated[str, Path(max_length=64, description="As lists show it.")]


@router.get("/me/credentials", operation_id="list_my_credentials", summary="My personal credentials, oldest first")
async def list_own(
    request: Request, response: Response, person: Reader, asked: PageWanted, state: StateName | None = None
) -> CredentialPage:
    desk = _desk(request, person)
    which = Which(CredentialClass.PERSONAL, person.principal.subject, None if state is None else State(state))
    page = await asyncio.to_thread(desk.listed, which, asked)
    response.headers.update(link(PATH, dict(request.query_params), page.next))
    return CredentialPage(items=list(page.items), next=page.next)


@router.post(
    "/me/credentials",
    operation_id="mint_my_credential",
    summary="Mint a personal credential for me; its token is shown this once",
    status_code=201,
    response_model=CredentialMinted,
)
async def mint(request: Request, change: Minter, wish: Wish) -> JSONResponse:
    desk, policy = _desk(request, change.person), change.console.policy.current()
    asked = wished(wish, change.person)
    return await change.once(lambda: desk.mint(asked, policy))


@router.get("/me/credentials/{credential_id}", operation_id="read_my_credential", summary="One of my credentials")
async def read_one(request: Request, person: Reader, credential_id: Identity) -> CredentialShown:
    desk = _desk(request, person)
    return await asyncio.to_thread(lambda: desk.shown(desk.get(credential_id, own(person))))


@router.post(
    "/me/credentials/{credential_id}/rotation",
    operation_id="rotate_my_credential",
    summary="Mint a successor with the teams and groups that I have now; the old one ends after an overlap",
    status_code=201,
    response_model=CredentialMinted,
)
async def rotate(request: Request, change: Minter, credential_id: Identity, rotation: Rotation) -> JSONResponse:
    desk, policy = _desk(request, change.person), change.console.policy.current()
    owner = owner_of(change.person.principal)
    return await change.once(lambda: desk.rotate(desk.get(credential_id, own(change.person)), rotation, policy, owner))


@router.post(
    "/me/credentials/{credential_id}/revocation",
    operation_id="revoke_my_credential",
    summary="Have one of my credentials refused from now on",
    response_model=CredentialShown,
)
async def revoke(request: Request, change: Writer, credential_id: Identity) -> JSONResponse:
    desk = _desk(request, change.person)
    return await change.once(lambda: desk.revoke(desk.get(credential_id, own(change.person))))


def _desk(request: Request, person: Person) -> Desk:
    return Desk(console_of(request).settings, person, PATH)


def wished(wish: Wish, person: Person) -> Asked:
    """What `person` asks for. Raises CredentialInvalid."""
    return Asked(
        credential_class=CredentialClass.PERSONAL,
        name=wish.name,
        owner=owner_of(person.principal),
        purpose=wish.purpose,
        days=wish.days,
        models=None if wish.models is None else tuple(wish.models),
        budget_nano=None if wish.budget is None else nano_units(wish.budget),
    )


def own(person: Person) -> Callable[[Credential], bool]:
    mine = (CredentialClass.PERSONAL, person.principal.subject)
    return lambda each: (each.credential_class, each.owner.subject) == mine
